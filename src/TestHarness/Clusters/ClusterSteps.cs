namespace TestHarness;

/// <summary>Steps of a set-up that name the cluster.</summary>
public static class ClusterSteps
{
    extension(SetupStep)
    {
        /// <summary>Asks again and again, until a cluster is in a state; for <see cref="ClusterSpec.Setup"/>.</summary>
        /// <param name="label">The state, which progress and failures name: <c>replica in sync</c>.</param>
        /// <param name="condition">Says whether the cluster is in it; an exception is the step's failure.</param>
        /// <returns>The step, whose limit is 2 minutes, longer on a slow host.</returns>
        public static UntilStep WaitUntil(string label, Func<Cluster, CancellationToken, Task<bool>> condition) => new(label, condition);
    }
}
