namespace TestHarness;

/// <summary>An entry of a machine's timeline.</summary>
/// <param name="Time">When it ended, in UTC.</param>
/// <param name="SinceStart">When it ended, counted from the beginning of the machine's start.</param>
/// <param name="Kind">What kind of thing it was.</param>
/// <param name="What">What happened, or what was asked for.</param>
/// <param name="Duration">How long it took, or <see langword="null"/> for a moment.</param>
/// <param name="Outcome">How it ended: <c>ok</c>, a command's exit code, or the failure's first line; <see langword="null"/> for a
/// moment.</param>
public sealed record MachineEvent(
    DateTimeOffset Time,
    TimeSpan SinceStart,
    MachineEventKind Kind,
    string What,
    TimeSpan? Duration = null,
    string? Outcome = null
);
