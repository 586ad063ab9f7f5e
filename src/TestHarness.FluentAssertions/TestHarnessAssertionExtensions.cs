using System.Runtime.CompilerServices;
using FluentAssertions;
using FluentAssertions.Primitives;

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

    /// <summary>Returns assertions on a screenshot.</summary>
    /// <param name="screenshot">The screenshot.</param>
    /// <returns>The assertions.</returns>
    public static ScreenshotAssertions Should(this Screenshot screenshot) => new(screenshot);

    /// <summary>Returns assertions on a network of a cluster.</summary>
    /// <param name="network">The network.</param>
    /// <returns>The assertions.</returns>
    public static ClusterNetworkAssertions Should(this ClusterNetwork network) => new(network);

    /// <summary>Asserts that a text matches a golden (<see cref="Golden"/>).</summary>
    /// <param name="assertions">The text's assertions.</param>
    /// <param name="name">The golden's name.</param>
    /// <param name="options">How it is compared.</param>
    /// <param name="sourceFile">The caller's source file; the compiler gives it.</param>
    /// <param name="member">The caller's method; the compiler gives it.</param>
    /// <returns>The assertions, to go on.</returns>
    /// <exception cref="GoldenMismatchException">It does not match, or there is no golden.</exception>
    public static AndConstraint<StringAssertions> MatchGolden(
        this StringAssertions assertions,
        string name,
        GoldenTextOptions? options = null,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string member = ""
    )
    {
        ArgumentNullException.ThrowIfNull(assertions);
        Golden.Match(assertions.Subject, name, options, sourceFile, member);
        return new AndConstraint<StringAssertions>(assertions);
    }
}
