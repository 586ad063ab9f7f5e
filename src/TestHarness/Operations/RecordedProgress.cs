using TestHarness.Text;

namespace TestHarness.Operations;

/// <summary>Writes the steps of a start into the timeline and hands them on, apart from the start.</summary>
internal sealed class RecordedProgress(EventLog events, SecretMask mask, IProgress<StartProgress>? next) : IProgress<StartProgress>
{
    private readonly Receiver<StartProgress>? _next = next is null
        ? null
        : new Receiver<StartProgress>(next.Report, step => step.Step.Length + (step.Detail?.Length ?? 0)) { ForMissed = (_, last) => last };

    /// <summary>Fires when the receiver has thrown.</summary>
    public CancellationToken Failed => _next?.Failed ?? CancellationToken.None;

    public void Report(StartProgress value)
    {
        // Steps only: the details of an image that is being built are hundreds of lines.
        value = value with { Step = mask.Apply(value.Step), Detail = value.Detail is { } detail ? mask.Apply(detail) : null };
        if (value.Detail is null)
            events.Add(MachineEventKind.Start, value.Step);
        _next?.Offer(value);
    }

    /// <summary>Waits a moment until the receiver has had all steps, and throws what it has thrown.</summary>
    public async Task SettleAsync()
    {
        if (_next is null)
            return;
        await _next.SettleAsync().ConfigureAwait(false);
        _next.Failure?.Throw();
    }
}
