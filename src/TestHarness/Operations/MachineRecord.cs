using System.Threading.Channels;
using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness.Operations;

/// <summary>
/// What is known of a machine's past: its timeline, and those who follow its lines. Nothing in it has a secret of the spec's.
/// </summary>
internal sealed class MachineRecord
{
    public MachineRecord(IReadOnlyList<string> secrets, TimeProvider time)
    {
        Time = time;
        Mask = new SecretMask(secrets);
        Events = new EventLog(time);
        Followers = new LineFollowers(NoteFailedFollower);
    }

    public TimeProvider Time { get; }

    public SecretMask Mask { get; }

    public EventLog Events { get; }

    public LineFollowers Followers { get; }

    public void NoteOperation(string what, TimeSpan duration, string outcome) =>
        Events.Add(MachineEventKind.Operation, what, duration, outcome);

    /// <summary>Notes a step of the test.</summary>
    public void NoteStep(string what, TimeSpan? duration = null, string? outcome = null) =>
        Events.Add(MachineEventKind.Step, Mask.Apply(what), duration, outcome);

    public void NoteStarted(TimeSpan duration, Exception? failure) =>
        Events.Add(MachineEventKind.Start, "start", duration, failure is null ? "ok" : Outcome(failure));

    public void NoteEnd(string what) => Events.Add(MachineEventKind.End, Mask.Apply(what));

    public void NoteQemu(string what) => Events.Add(MachineEventKind.Qemu, Mask.Apply(what));

    /// <summary>Notes what the test did to a network that the machine is on.</summary>
    public void NoteNetwork(string what, Exception? failure = null) =>
        Events.Add(MachineEventKind.Network, what, outcome: failure is null ? null : Outcome(failure));

    /// <summary>Notes what the guest asked of the test, or what was met in the guest.</summary>
    public void NoteGuest(string what, TimeSpan? duration = null, string? outcome = null) =>
        Events.Add(MachineEventKind.Guest, Mask.Apply(what), duration, outcome is null ? null : Mask.Apply(outcome));

    /// <summary>An exception as the outcome of what it ended: its type and the first line of its message.</summary>
    public string Outcome(Exception e)
    {
        string message = e is TestHarnessException ours ? ours.Summary : Mask.Apply(e.Message);
        return $"{e.GetType().Name}: {message.Split('\n')[0]}";
    }

    /// <summary>Takes this moment as the machine's start; notes each step from here on, for whoever is told of it besides.</summary>
    public RecordedProgress BeginStart(IProgress<StartProgress>? progress)
    {
        Events.Begin();
        return Recorded(progress);
    }

    public RecordedProgress Recorded(IProgress<StartProgress>? progress) => new(Events, Mask, progress);

    /// <summary>Makes what collects a command's output, and tells its lines to those who follow the machine.</summary>
    /// <param name="maxBytes">How many bytes of each stream are kept.</param>
    /// <param name="receive">Told each line; a command that is quicker waits for it.</param>
    /// <param name="lines">Reads lines; a command that is quicker waits for it.</param>
    public OutputCollector Collect(int maxBytes, Action<OutputLine>? receive, ChannelWriter<OutputLine>? lines = null)
    {
        if (Followers.IsEmpty)
            return new OutputCollector(maxBytes, receive, lines);
        LiveMask output = new(Mask),
            error = new(Mask);
        return new OutputCollector(maxBytes, receive, lines, line =>
            Followers.Tell((line.Stream is OutputStream.StandardOutput ? output : error).Apply(line.Text))
        );
    }

    /// <summary>Makes what takes a console's bytes, and tells its lines to those who follow the machine.</summary>
    public Action<ReadOnlyMemory<byte>> FollowBytes()
    {
        var mask = new LiveMask(Mask);
        var lines = new LineSplitter(line => Followers.Tell(mask.Apply(line)));
        return bytes =>
        {
            if (!Followers.IsEmpty)
                lines.Add(bytes.Span);
        };
    }

    private void NoteFailedFollower(Exception e) =>
        Events.Add(MachineEventKind.Operation, "a receiver of LineReceived was told a line", outcome: $"it threw {Outcome(e)}");
}
