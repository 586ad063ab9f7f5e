using System.Diagnostics;
using System.Threading.Channels;
using TestHarness.Agents;
using TestHarness.Errors;
using TestHarness.Evidence;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Screens;
using TestHarness.Specs;
using TestHarness.Text;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    // QEMU shows nothing while it resets the guest, as after a panic; a failed start is told within 2 seconds of it all the same.
    private static readonly TimeSpan CaptureLimit = TimeSpan.FromSeconds(1);

    // What a reader of the timeline looks for; the others (timer, block jobs, migration steps) are noise.
    private static readonly HashSet<string> NotedEvents =
        new(StringComparer.Ordinal) { "SHUTDOWN", "RESET", "STOP", "RESUME", "GUEST_PANICKED", "WATCHDOG", "BLOCK_IO_ERROR" };

    private readonly EventLog _events = new(TimeProvider.System);
    private readonly FrameHistory _frames = new();
    private SecretMask? _mask;
    private LineFollowers? _followers;

    /// <summary>
    /// Happens for each line that the serial console shows or a command in the guest writes, when it comes, without the secrets and otherwise as the guest wrote it:
    /// escape sequences and all. Each receiver is called apart, in order, never two calls at a time; nothing waits for it but the end of a command, for a second at most. For
    /// lines that one is too slow for (4,096 may wait) it gets a line <c>[… N lines dropped …]</c>. The first exception of each is in the machine's timeline.
    /// </summary>
    public event Action<VirtualMachine, string>? LineReceived
    {
        add => Followers.Add(value);
        remove => Followers.Remove(value);
    }

    internal FrameHistory Frames => _frames;

    internal string AcceleratorName => _accelerator == Accelerator.Kvm ? "kvm" : "tcg";

    internal SecretMask Mask => Secrets;

    // Made on first use: field initialisers run before the constructor has the spec.
    private SecretMask Secrets => _mask ??= new SecretMask(Spec.Secrets);

    private LineFollowers Followers => LazyInitializer.EnsureInitialized(ref _followers, () => new LineFollowers(this, NoteFailedFollower));

    /// <summary>Collects what is known of the machine on the host; of one that has ended, too. Asks nothing of the guest.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The evidence; without a screenshot where none can be had within a second.</returns>
    public async Task<MachineEvidence> CollectEvidenceAsync(CancellationToken cancellationToken = default)
    {
        Screenshot? screen = await TryCaptureAsync(CaptureLimit, cancellationToken).ConfigureAwait(false);
        SerialExcerpt excerpt = ExcerptOfSerial();
        return new MachineEvidence(
            Name,
            Secrets.Apply(Console.Log.Text, endsCut: true),
            screen,
            Secrets.Apply(_process?.StandardError ?? "", endsCut: true),
            Secrets.Apply(_process?.CommandLine ?? ""),
            _boot is null ? "" : Secrets.Apply(ReproScript.Build(Program, Spec, _boot, Name, _accelerator)))
        {
            SerialExcerpt = $"{excerpt.Label}: {(excerpt.Text.Length > 0 ? $"\n{excerpt.Text}" : excerpt.Words)}",
            Events = _events.ToList(),
            Frames = _frames.ToList(),
            SerialPorts = _serials.Skip(1).ToDictionary(port => port.Name!, port => Secrets.Apply(port.Log.Text, endsCut: true)),
        };
    }

    /// <summary>
    /// Collects what is known of the machine and writes it into a folder (<see cref="MachineEvidence.SaveAsync"/>). A machine that runs is asked for the end of its
    /// journal, for at most 10 seconds, and for the files of <see cref="MachineSpec.CollectOnFailure"/>, for at most 30; they go below <c>files/</c>. Both limits
    /// are longer where the accelerator is slow.
    /// </summary>
    /// <param name="folder">The folder, which is made.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The evidence. What the guest did not give is in its notes.</returns>
    public async Task<MachineEvidence> SaveEvidenceAsync(string folder, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        // First what may be gone a moment later.
        MachineEvidence evidence = await CollectEvidenceAsync(cancellationToken).ConfigureAwait(false);
        string? journal = null;
        List<string> notes = [];
        if (IsUp && _life.State is MachineState.Running)
        {
            var collection = new GuestCollection(_guest, Scaled, notes);
            using var alive = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ended.Token);
            journal = await collection.ReadJournalAsync(alive.Token).ConfigureAwait(false);
            EvidenceBundle.MakeFolder(folder);
            await collection.CollectFilesAsync(Spec.CollectOnFailure, Path.Combine(folder, EvidenceBundle.GuestFiles), alive.Token).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
        else
        {
            notes.Add("journal and files of the guest: not asked for, because the machine was not running");
        }

        evidence = evidence with
        {
            // It begins with one of its last lines, or where its beginning has been dropped.
            Journal = journal is null ? null : Secrets.Apply(journal, beginsCut: true),
            Notes = [.. notes.Select(WithoutSecrets)],
        };
        await evidence.SaveAsync(folder, cancellationToken).ConfigureAwait(false);
        return evidence;
    }

    /// <summary>Puts <c>***</c> in place of the spec's secrets.</summary>
    internal string WithoutSecrets(string text) => Secrets.Apply(text);

    /// <summary>The last lines of what a command wrote, without the spec's secrets: a cut may leave a part of one that is not found any more.</summary>
    internal string TailWithoutSecrets(ShellResult result, int lines) => TextTail.Of(Secrets.Apply($"{result.StandardOutput}{result.StandardError}"), lines);

    /// <summary>
    /// Runs an operation on the running machine: it ends at once when the machine does, when the limit runs out and when the caller cancels, each with
    /// its own exception. It is an entry of the timeline, and its failure is worth a picture of the screen.
    /// </summary>
    internal async Task<T> GuardAsync<T>(
        string waitedFor,
        TimeSpan limit,
        Func<CancellationToken, Task<T>> operation,
        CancellationToken cancellationToken,
        Func<string>? lastSeen = null)
    {
        waitedFor = Secrets.Apply(waitedFor);
        long began = Stopwatch.GetTimestamp();
        try
        {
            T result = await GuardCoreAsync(waitedFor, limit, operation, lastSeen, cancellationToken).ConfigureAwait(false);
            string outcome = result is ShellResult { ExitCode: not 0 } command ? $"exit code {command.ExitCode}" : "ok";
            _events.Add(MachineEventKind.Operation, waitedFor, Stopwatch.GetElapsedTime(began), outcome);
            return result;
        }
        catch (Exception e)
        {
            _events.Add(MachineEventKind.Operation, waitedFor, Stopwatch.GetElapsedTime(began), Outcome(e));
            if (e is not OperationCanceledException)
                await TryCaptureAsync(Aftermath.Picture, cancellationToken).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Makes what collects a command's output, and tells its lines to those who follow the machine.</summary>
    internal OutputCollector Collect(ShellOptions options, ChannelWriter<OutputLine>? lines = null)
    {
        if (Followers.IsEmpty)
            return new OutputCollector(options.MaxOutputBytes, options.OnOutput, lines);
        LiveMask output = new(Secrets), error = new(Secrets);
        return new OutputCollector(
            options.MaxOutputBytes, options.OnOutput, lines, line => Followers.Tell((line.Stream is OutputStream.StandardOutput ? output : error).Apply(line.Text)));
    }

    /// <summary>Waits a moment for those who follow the machine.</summary>
    internal Task SettleFollowersAsync() => Followers.SettleAsync();

    private void FollowSerial()
    {
        var mask = new LiveMask(Secrets);
        var lines = new LineSplitter(line => Followers.Tell(mask.Apply(line)));
        Console.Received += bytes =>
        {
            if (!Followers.IsEmpty)
                lines.Add(bytes.Span);
        };
    }

    private void NoteFailedFollower(Exception e) =>
        _events.Add(MachineEventKind.Operation, $"a receiver of {nameof(LineReceived)} was told a line", outcome: $"it threw {Outcome(e)}");

    // Notes each step of the start, for whoever is told of it besides.
    private RecordedProgress Recorded(IProgress<StartProgress>? progress)
    {
        _events.Begin();
        return new RecordedProgress(_events, Secrets, progress);
    }

    private void NoteStarted(long began, Exception? failure) =>
        _events.Add(MachineEventKind.Start, "start", Stopwatch.GetElapsedTime(began), failure is null ? "ok" : Outcome(failure));

    private void NoteEnd(string what) => _events.Add(MachineEventKind.End, Secrets.Apply(what));

    private void NoteLateClock(TimeSpan late) =>
        _events.Add(MachineEventKind.Guest, "clock", late, "the guest got it late, each time it was tried, and may be behind by as much: the host, or the guest, is too busy");

    private void NoteMonitorEvent(QmpEvent happened)
    {
        if (NotedEvents.Contains(happened.Name))
            _events.Add(MachineEventKind.Qemu, Secrets.Apply($"{happened.Name} {happened.Data}".Trim()));
    }

    private string Outcome(Exception e)
    {
        string message = e is TestHarnessException ours ? ours.Summary : Secrets.Apply(e.Message);
        return $"{e.GetType().Name}: {message.Split('\n')[0]}";
    }

    private async Task<Screenshot?> TryCaptureAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        if (_instance is not { } instance || instance.Process.Exited.IsCompleted || !QemuArguments.HasDisplay(Spec))
            return null;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(atMost);
        try
        {
            return await Screen.CaptureNowAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // Evidence of a broken machine: what can't be had is left out.
            return null;
        }
    }
}
