namespace TestHarness.Text;

/// <summary>
/// The only place that asks the system for the time: all else goes by a <see cref="TimeProvider"/>, which a test can move
/// (BannedSymbols.txt).
/// </summary>
internal static class Clock
{
    /// <summary>The system's time.</summary>
    public static TimeProvider System => TimeProvider.System;

    /// <summary>Waits.</summary>
    public static Task Delay(this TimeProvider time, TimeSpan delay, CancellationToken cancellationToken = default) =>
        Task.Delay(delay, time, cancellationToken);

    /// <summary>Stands still by the system's time; for threads of the library's own, and hooks that can't wait in another way.</summary>
    public static void Sleep(TimeSpan delay) => Thread.Sleep(delay);

    /// <summary>Waits for a task, no longer than that. True where it has ended.</summary>
    public static async Task<bool> EndsWithinAsync(
        this TimeProvider time,
        Task task,
        TimeSpan limit,
        CancellationToken cancellationToken = default
    ) => await Task.WhenAny(task, time.Delay(limit, cancellationToken)).ConfigureAwait(false) == task;

    /// <summary>Begins a limit: its token fires when the time is over, or one of the others does.</summary>
    /// <param name="time">The time.</param>
    /// <param name="limit">The limit.</param>
    /// <param name="others">The others.</param>
    /// <returns>The limit; the caller disposes it.</returns>
    public static Deadline Limit(this TimeProvider time, TimeSpan limit, params CancellationToken[] others) => new(time, limit, others);
}
