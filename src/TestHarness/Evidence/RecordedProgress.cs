namespace TestHarness.Evidence;

/// <summary>Writes the steps of a start into the timeline and hands them on.</summary>
internal sealed class RecordedProgress(EventLog events, SecretMask mask, IProgress<StartProgress>? next) : IProgress<StartProgress>
{
    public void Report(StartProgress value)
    {
        // Steps only: the details of an image that is being built are hundreds of lines.
        if (value.Detail is null)
            events.Add(MachineEventKind.Start, mask.Apply(value.Step));
        next?.Report(value);
    }
}
