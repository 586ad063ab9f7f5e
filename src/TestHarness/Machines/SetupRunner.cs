using System.Globalization;
using TestHarness.Errors;
using TestHarness.Images;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Specs;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>Runs steps of a set-up in a machine that is up.</summary>
internal sealed class SetupRunner(VirtualMachine machine)
{
    private const int OutputLines = 40;

    private static readonly TimeSpan LongestStep = TimeSpan.FromMinutes(10);

    private readonly PackageInstaller _packages = new(machine);

    /// <summary>What was installed, as <c>name version architecture</c>.</summary>
    public IReadOnlyList<string> Packages => _packages.Installed;

    /// <summary>Names a step for progress and failures.</summary>
    public static string NameOf(IReadOnlyList<SetupStep> steps, int index) =>
        string.Create(CultureInfo.InvariantCulture, $"set-up {index + 1} of {steps.Count}: {steps[index].Title}");

    /// <summary>
    /// Runs the steps of the machine's set-up that no layer has behind it, nor disks that are kept. What waits for something is waited
    /// for again in a guest that has booted from such disks.
    /// </summary>
    /// <param name="steps">All steps.</param>
    /// <param name="done">How many a layer has behind it.</param>
    /// <param name="kept">The machine's disks, where they are kept.</param>
    /// <param name="progress">Told each step.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="MachineStartException">One failed.</exception>
    public async Task RunAsync(
        IReadOnlyList<SetupStep> steps,
        int done,
        KeptDisks? kept,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        IReadOnlyList<string> keys = kept is null || steps.Count == 0 ? [] : LayerKeys.Make("", steps);
        int known = keys.Zip(kept?.ReadSetup() ?? []).TakeWhile(pair => pair.First == pair.Second).Count();
        for (int index = done; index < steps.Count; index++)
        {
            if (index < known && steps[index] is not WaitStep)
            {
                progress.Tell($"{NameOf(steps, index)}: done before, on the disks that are kept");
                continue;
            }

            // One that fails half-way may have undone what was noted of the steps after it.
            if (index >= known)
                kept?.NoteSetup(keys.Take(index));
            await RunStepAsync(steps, index, progress, cancellationToken).ConfigureAwait(false);
            if (index >= known)
                kept?.NoteSetup(keys.Take(index + 1));
        }
    }

    /// <summary>Runs one step.</summary>
    /// <param name="steps">All steps, for the names.</param>
    /// <param name="index">Which one.</param>
    /// <param name="progress">Told of it, and how long it took.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="MachineStartException">It failed.</exception>
    public async Task RunStepAsync(
        IReadOnlyList<SetupStep> steps,
        int index,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        MachineOperations operations = machine.Operations;
        string name = NameOf(steps, index);
        progress.Tell(name);
        long began = operations.Time.GetTimestamp();
        try
        {
            await RunAsync(steps[index], cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not (HostNotReadyException or ImageException) && !cancellationToken.IsCancellationRequested)
        {
            throw Failed(name, e);
        }

        TimeSpan took = operations.Time.GetElapsedTime(began);
        progress.Tell(string.Create(CultureInfo.InvariantCulture, $"{name}: {took.TotalSeconds:0.0} s"));
    }

    private Task RunAsync(SetupStep step, CancellationToken cancellationToken) =>
        step switch
        {
            InstallStep install => GuardAsync(step, token => _packages.InstallAsync(install, token), cancellationToken),
            PushStep push => machine.Files.PushAsync(
                LayerKeys.SourceOf(push),
                push.GuestPath,
                push.Options with
                {
                    Timeout = step.Timeout ?? push.Options.Timeout,
                },
                cancellationToken
            ),
            WriteStep write => machine.Files.WriteTextAsync(
                write.GuestPath,
                write.Text,
                write.Options with
                {
                    Timeout = step.Timeout ?? write.Options.Timeout,
                },
                cancellationToken
            ),
            RunStep run => machine.Shell.RunAsync(
                run.Command,
                new ShellOptions
                {
                    User = run.User,
                    Environment = run.Environment,
                    Timeout = step.Timeout,
                },
                cancellationToken
            ),
            WaitStep wait => WaitAsync(wait, cancellationToken),
            RebootStep => machine.RebootAsync(step.Timeout, cancellationToken),
            DotNetRuntimeStep runtime => GuardAsync(step, token => PushRuntimeAsync(runtime, token), cancellationToken),
            OnStep on => RunAsync(on.Step with { Timeout = on.Timeout ?? on.Step.Timeout }, cancellationToken),
            DoStep own => GuardAsync(step, token => own.Action(machine, token), cancellationToken),
            _ => throw new InvalidOperationException($"The step {step.GetType().Name} is not known."),
        };

    private Task WaitAsync(WaitStep wait, CancellationToken cancellationToken) =>
        wait.Kind switch
        {
            WaitKind.Unit => machine.Shell.WaitForUnitAsync(wait.Subject, wait.Timeout, cancellationToken),
            WaitKind.Port => machine.Shell.WaitForPortAsync(
                int.Parse(wait.Subject, CultureInfo.InvariantCulture),
                timeout: wait.Timeout,
                cancellationToken: cancellationToken
            ),
            WaitKind.File => machine.Shell.WaitForFileAsync(wait.Subject, wait.Timeout, cancellationToken),
            WaitKind.Text => machine.Console.WaitForAsync(wait.Subject, wait.Timeout, cancellationToken),
            WaitKind.Http => machine.Shell.WaitForHttpAsync(new Uri(wait.Subject), wait.Timeout, cancellationToken),
            WaitKind.Journal => machine.Shell.WaitForJournalAsync(wait.Subject, wait.Timeout, cancellationToken),
            _ => throw new InvalidOperationException($"{wait.Kind} is not known."),
        };

    // A user's code that does not look at its token is not waited for.
    private Task<bool> GuardAsync(SetupStep step, Func<CancellationToken, Task> act, CancellationToken cancellationToken) =>
        machine.Operations.GuardAsync(
            $"the step of the set-up: {step.Title}",
            step.Timeout ?? machine.Operations.Scaled(LongestStep),
            async token =>
            {
                await act(token).WaitAsync(token).ConfigureAwait(false);
                return true;
            },
            cancellationToken
        );

    private async Task PushRuntimeAsync(DotNetRuntimeStep runtime, CancellationToken cancellationToken)
    {
        const string Target = "/usr/share/dotnet";
        if (HostRuntime.FindMissing(runtime.AspNetCore) is { } missing)
            throw new HostNotReadyException(
                new FailureText($"The .NET runtime of this process can't be put into a guest: '{missing}' is not there.").Try(
                    "run the tests with an installed runtime (dotnet test), not from a self-contained program."
                )
            );
        await _packages.InstallRuntimeLibrariesAsync(cancellationToken).ConfigureAwait(false);
        foreach (string part in HostRuntime.Parts(runtime.AspNetCore))
            await machine
                .Files.PushAsync(
                    Path.Combine(HostRuntime.Root, part),
                    $"{Target}/{Path.GetDirectoryName(part)}".TrimEnd('/') + "/",
                    cancellationToken: cancellationToken
                )
                .ConfigureAwait(false);
        await machine
            .Shell.RunAsync($"ln -sfn {Target}/dotnet /usr/bin/dotnet", cancellationToken: cancellationToken)
            .ConfigureAwait(false);
    }

    private MachineStartException Failed(string name, Exception reason)
    {
        MachineFacts facts = machine.Operations.Facts();
        FailureText text = new FailureText($"Machine '{machine.Name}' (image {machine.Spec.Image}) was not set up: {name} failed.").Add(
            "Reason",
            reason switch
            {
                TestHarnessException known => known.Summary,
                PackageChoiceException => reason.Message,
                _ => $"{reason.GetType().Name}: {reason.Message}",
            }
        );
        if (reason is GuestCommandException { Result: { } result })
            text.Add("Command", result.Command)
                .Add("Standard error", facts.Tail(result.StandardErrorBytes, OutputLines))
                .Add("Standard output", facts.Tail(result.StandardOutputBytes, OutputLines));
        else if (reason is WaitTimeoutException { LastSeen: { } seen })
            text.Add("Seen last", seen);
        return new MachineStartException(facts, MachineFault.SetupFailed, text, reason);
    }
}
