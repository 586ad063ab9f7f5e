namespace TestHarness;

/// <summary>Steps of a set-up that name the machine.</summary>
public static class SetupSteps
{
    extension(SetupStep)
    {
        /// <summary>
        /// Runs code of the test's with the machine, which is up. What it leaves on the host, and what it opens to the host (a metadata
        /// service, a checkpoint), is not in the layer.
        /// </summary>
        /// <param name="label">What it does. It is the step's key: change it when the code changes, or the old layer is taken.</param>
        /// <param name="action">The code; it must not end the machine.</param>
        /// <returns>The step.</returns>
        public static DoStep Do(string label, Func<VirtualMachine, CancellationToken, Task> action) => new(label, action);
    }
}
