namespace TestHarness.FluentAssertions;

/// <summary><c>Should()</c> for the results of machines.</summary>
public static class TestHarnessAssertionExtensions
{
    /// <summary>Returns assertions on a command's result.</summary>
    /// <param name="result">The result.</param>
    /// <returns>The assertions.</returns>
    public static ShellResultAssertions Should(this ShellResult result) => new(result);

    /// <summary>Returns assertions on a serial log.</summary>
    /// <param name="log">The log.</param>
    /// <returns>The assertions.</returns>
    public static SerialLogAssertions Should(this SerialLog log) => new(log);
}
