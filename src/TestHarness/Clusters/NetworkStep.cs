namespace TestHarness;

/// <summary>A step of a schedule (<see cref="ClusterNetwork.Schedule"/>): what is done to a network, and when.</summary>
public sealed class NetworkStep
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    private NetworkStep(TimeSpan time, Func<ClusterNetwork, Task> change)
    {
        if (time < TimeSpan.Zero || time > Longest)
            throw new ArgumentOutOfRangeException(nameof(time), time, $"A step comes 0 to {Longest.TotalHours} hours after the start.");
        (Time, Change) = (time, change);
    }

    /// <summary>Gets when it is done, counted from the start of the schedule.</summary>
    public TimeSpan Time { get; }

    internal Func<ClusterNetwork, Task> Change { get; }

    /// <summary>Makes a step, such as <c>NetworkStep.After(TimeSpan.FromSeconds(5), lan => lan.Heal())</c>.</summary>
    /// <param name="time">When it is done, counted from the start of the schedule and not from the step before: 0 to 24 hours.</param>
    /// <param name="change">What is done. It is called on a thread of its own.</param>
    /// <returns>The step.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The time is not possible.</exception>
    public static NetworkStep After(TimeSpan time, Action<ClusterNetwork> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return new NetworkStep(time, network =>
        {
            change(network);
            return Task.CompletedTask;
        });
    }

    /// <summary>Makes a step that takes its time, such as one that unplugs a machine.</summary>
    /// <param name="time">When it is begun, counted from the start of the schedule and not from the step before: 0 to 24 hours.</param>
    /// <param name="change">What is done. It is called on a thread of its own, and the next step waits for it.</param>
    /// <returns>The step.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The time is not possible.</exception>
    public static NetworkStep After(TimeSpan time, Func<ClusterNetwork, Task> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return new NetworkStep(time, change);
    }
}
