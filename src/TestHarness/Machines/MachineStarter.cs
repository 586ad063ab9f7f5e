using System.Diagnostics;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Networks;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Templates;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>Starts a machine: plans it, and tries until a guest is up or it is certain that none will be.</summary>
/// <param name="machine">What operations need.</param>
/// <param name="keeper">What keeps its QEMU.</param>
/// <param name="ssh">Its door for SSH.</param>
/// <param name="reaches">What the guest reaches on the host.</param>
/// <param name="failure">What says why a start failed.</param>
/// <param name="console">The console, which shows whether a guest has begun.</param>
/// <param name="setup">What runs the steps of its set-up.</param>
/// <param name="given">What it starts from where that is given, or <see langword="null"/> to find a template.</param>
/// <param name="wiring">Where its cards lead, or <see langword="null"/> where it has none, or a template is made of it.</param>
internal sealed class MachineStarter(
    MachineOperations machine,
    MachineKeeper keeper,
    SshDoor ssh,
    GuestReaches reaches,
    StartFailure failure,
    SerialConsole console,
    SetupRunner setup,
    GivenStart? given,
    Wiring? wiring
)
{
    private readonly TemplateChoice _templates = new(machine.Spec);
    private readonly TaskCompletionSource _launched = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _failed = [];

    /// <summary>What it starts from where that is given, or <see langword="null"/> to find a template.</summary>
    public GivenStart? Given { get; set; } = given;

    /// <summary>What everything goes by, or <see langword="null"/> before it is known.</summary>
    public MachinePlan? Plan { get; private set; }

    /// <summary>The addresses that the guest's cards have where it is a copy of a machine that ran; none for those of a template.</summary>
    public IReadOnlyList<MacAddress> CardsBefore => Given?.Template?.Cards ?? [];

    /// <summary>What ended the attempts before the last one.</summary>
    public IReadOnlyList<string> Failed => _failed;

    public string? Note => _templates.StartNote;

    /// <summary>Whether another one like it would be restored, its set-up and all.</summary>
    public bool IsRestoredWhole => Given is null && keeper.Run?.Template is not null && _templates.StepsDone == Plan!.Setup.Count;

    /// <summary>Whether the machine is a spare, which nobody waits for and nobody is told of.</summary>
    public bool IsSpare { get; set; }

    /// <summary>Ends when the guest's processors run, or the start is over.</summary>
    public Task Launched => _launched.Task;

    public async Task PrepareAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken) =>
        Plan = await MachinePlan.MakeAsync(machine.Spec, Given, wiring, progress, cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// Finds the template that has all of the machine's own set-up behind it, or <see langword="null"/> where there is none.
    /// </summary>
    public async Task<Template?> FindTemplateAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        await PrepareAsync(progress, cancellationToken).ConfigureAwait(false);
        Template? found = await _templates.FindAsync(Plan!, progress, cancellationToken).ConfigureAwait(false);
        if (_templates.StepsDone == Plan!.Setup.Count)
            return found;
        found?.Dispose();
        return null;
    }

    /// <summary>Returns when the guest is up and answers. After a failure nothing of the machine is left.</summary>
    /// <param name="ending">What ends the machine.</param>
    /// <param name="progress">Told each step; what it throws ends the start.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public async Task RunAsync(MachineEnding ending, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        using Activity? span = Spans.Start("start", machine.Name);
        RecordedProgress told = machine.Record.BeginStart(progress);
        using var wanted = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, keeper.Killed, told.Failed);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long began = machine.Time.GetTimestamp();
        try
        {
            await ending
                .BeginStartAsync(ended.Task, isTold: Given is not { MakesTemplate: true } && !IsSpare, wanted.Token)
                .ConfigureAwait(false);
            await StartAsync(told, wanted.Token).ConfigureAwait(false);
            IReadOnlyList<SetupStep> steps = Plan!.Setup;
            int done = Given is null ? _templates.StepsDone : steps.Count;
            await setup.RunAsync(steps, done, keeper.Run!.Kept, told, wanted.Token).ConfigureAwait(false);
            await told.SettleAsync().ConfigureAwait(false);
            machine.Record.NoteStarted(machine.Time.GetElapsedTime(began), failure: null);
        }
        catch (Exception e)
        {
            machine.Record.NoteStarted(machine.Time.GetElapsedTime(began), e);
            await ending.EndAsync().ConfigureAwait(false);
            // Where it failed before there was a run that holds it.
            Given?.Template?.Dispose();
            await told.SettleAsync().ConfigureAwait(false);
            if (e is not TestHarnessException && cancellationToken.IsCancellationRequested)
                throw new OperationCanceledException(e.Message, e, cancellationToken);
            if (keeper.Killed.IsCancellationRequested)
                throw new MachineStartException(
                    machine.Facts(),
                    MachineFault.EndedByTest,
                    new FailureText($"Machine '{machine.Name}' (image {machine.Spec.Image}) did not start: the test ended it."),
                    e
                );
            throw;
        }
        finally
        {
            _launched.TrySetResult();
            ended.SetResult();
        }
    }

    private async Task StartAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        // Not into a template, which machines share that reach other things.
        if (Given is not { MakesTemplate: true })
            reaches.Add();
        await PrepareAsync(progress, cancellationToken).ConfigureAwait(false);
        while (!await TryAsync(progress, cancellationToken).ConfigureAwait(false))
        {
            await keeper.EndAttemptAsync().ConfigureAwait(false);
            Given?.Memory?.Clear();
        }
    }

    // False where it is worth another attempt: with a new template, without one, or because QEMU was killed.
    private async Task<bool> TryAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        Template? template;
        using (Spans.Start("template"))
            template = Given is null
                ? await _templates.FindAsync(Plan!, progress, cancellationToken).ConfigureAwait(false)
                : Given.Template;
        using (Spans.Start("room"))
            keeper.Run = await MachineRun
                .TakeAsync(Plan!, machine.Name, template, canWait: !IsSpare, progress, cancellationToken)
                .ConfigureAwait(false);
        try
        {
            await StartGuestAsync(keeper.Run, progress, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (TemplateRefusedException e) when (Given is null)
        {
            _templates.GiveUp(template!, e.Message, progress);
            return false;
        }
        catch (TemplateRefusedException e) when (Given is { MakesTemplate: false })
        {
            throw await failure.OfAsync(keeper.Run, "QEMU to go on from what was saved", e, keeper.DrainAsync).ConfigureAwait(false);
        }
        catch (MachineStartException e)
            when (e.InnerException is QemuEndedException ended
                && (ended.IsCrash || (ended.IsBySignal && console.Log.Text.Length == 0))
                && Given?.Template is null
                && _failed.Count < machine.Spec.StartRetries
            )
        {
            _failed.Add(e.Summary);
            progress.Tell($"starts again: {e.Summary}");
            return false;
        }
    }

    private async Task StartGuestAsync(MachineRun run, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        using Deadline limit = machine.Time.Limit(machine.Limits.Start, cancellationToken);
        string phase = "QEMU to start";
        try
        {
            Supervision.EnsureStarted();
            run.MakeFolder();
            using (Spans.Start("overlays"))
                await MakeFilesAsync(run, limit.Token).ConfigureAwait(false);
            await keeper.LaunchAsync(limit.Token).ConfigureAwait(false);
            _launched.TrySetResult();
            phase = "the guest to answer";
            progress.Tell(run.Template is null ? "guest boots" : "guest is restored");
            using (Spans.Start("guest"))
                await keeper.ComeUpAsync(text => progress.Tell(phase = text), RenewLimit, limit.Token).ConfigureAwait(false);
            using (Spans.Start("forwards"))
                await OpenPortsAsync(run, limit.Token).ConfigureAwait(false);
            keeper.FinishStart();
            progress.Tell("running");
        }
        catch (Exception e) when (e is not (TestHarnessException or TemplateRefusedException) && !cancellationToken.IsCancellationRequested)
        {
            throw await failure.OfAsync(run, phase, e, keeper.DrainAsync).ConfigureAwait(false);
        }

        // The default is what one boot takes.
        void RenewLimit()
        {
            if (machine.Spec.StartTimeout is null)
                limit.Renew(machine.Limits.Start);
        }
    }

    private async Task MakeFilesAsync(MachineRun run, CancellationToken cancellationToken)
    {
        bool usesSsh = run.Plan.UsesSsh;
        if (usesSsh)
            await ssh.MakeFilesAsync(run.Template, cancellationToken).ConfigureAwait(false);
        await run.MakeDisksAsync(usesSsh ? ssh.Files : null, cancellationToken).ConfigureAwait(false);
    }

    private async Task OpenPortsAsync(MachineRun run, CancellationToken cancellationToken)
    {
        IReadOnlyList<ForwardedPort> open = await ForwardedPort
            .OpenAsync(machine.Monitor, machine.Spec.PortForwards, cancellationToken)
            .ConfigureAwait(false);
        // The one for SSH is the library's own.
        run.Forwards = [.. open.Where(forward => !forward.Host.Equals(ssh.Host))];
        await reaches.RequireAsync(cancellationToken).ConfigureAwait(false);
    }
}
