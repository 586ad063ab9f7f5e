using System.Diagnostics;
using System.Runtime.CompilerServices;
using FluentAssertions;
using FluentAssertions.Execution;
using FluentAssertions.Primitives;
using TestHarness.Text;

namespace TestHarness.FluentAssertions;

/// <summary>Assertions on a command's result.</summary>
/// <param name="result">The result.</param>
[StackTraceHidden]
public sealed class ShellResultAssertions(ShellResult result) : ReferenceTypeAssertions<ShellResult, ShellResultAssertions>(result)
{
    private const int TailLines = 40;

    /// <inheritdoc/>
    protected override string Identifier => "command";

    /// <summary>Asserts that the exit code is 0.</summary>
    /// <param name="because">Why, as a phrase.</param>
    /// <param name="becauseArgs">Values for the phrase.</param>
    /// <returns>The assertions, to go on.</returns>
    public AndConstraint<ShellResultAssertions> Succeed(string because = "", params object[] becauseArgs) =>
        Assert(Subject.ExitCode == 0, "to succeed", because, becauseArgs);

    /// <summary>Asserts that the exit code is not 0, or is a given one.</summary>
    /// <param name="withExitCode">The exit code. Default: any but 0.</param>
    /// <param name="because">Why, as a phrase.</param>
    /// <param name="becauseArgs">Values for the phrase.</param>
    /// <returns>The assertions, to go on.</returns>
    public AndConstraint<ShellResultAssertions> Fail(int? withExitCode = null, string because = "", params object[] becauseArgs) =>
        withExitCode is { } code
            ? Assert(Subject.ExitCode == code, $"to end with exit code {code}", because, becauseArgs)
            : Assert(Subject.ExitCode != 0, "to fail", because, becauseArgs);

    /// <summary>Asserts what standard output is, white space at both ends aside.</summary>
    /// <param name="expected">The text.</param>
    /// <param name="because">Why, as a phrase.</param>
    /// <param name="becauseArgs">Values for the phrase.</param>
    /// <returns>The assertions, to go on.</returns>
    public AndConstraint<ShellResultAssertions> HaveOutput(string expected, string because = "", params object[] becauseArgs) =>
        Assert(
            Subject.StandardOutput.Trim() == expected.Trim(),
            $"to write \"{expected.Trim()}\" to standard output",
            because,
            becauseArgs
        );

    /// <summary>Asserts what standard error is, white space at both ends aside.</summary>
    /// <param name="expected">The text.</param>
    /// <param name="because">Why, as a phrase.</param>
    /// <param name="becauseArgs">Values for the phrase.</param>
    /// <returns>The assertions, to go on.</returns>
    public AndConstraint<ShellResultAssertions> HaveErrorOutput(string expected, string because = "", params object[] becauseArgs) =>
        Assert(Subject.StandardError.Trim() == expected.Trim(), $"to write \"{expected.Trim()}\" to standard error", because, becauseArgs);

    /// <summary>
    /// Asserts that what the command wrote, and its exit code where that is not 0, matches a golden (<see cref="Golden"/>).
    /// </summary>
    /// <param name="name">The golden's name.</param>
    /// <param name="options">How it is compared.</param>
    /// <param name="sourceFile">The caller's source file; the compiler gives it.</param>
    /// <param name="member">The caller's method; the compiler gives it.</param>
    /// <returns>The assertions, to go on.</returns>
    /// <exception cref="GoldenMismatchException">It does not match, or there is no golden.</exception>
    public AndConstraint<ShellResultAssertions> MatchGolden(
        string name,
        GoldenTextOptions? options = null,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string member = ""
    )
    {
        Golden.Match(Subject, name, options, sourceFile, member);
        return new AndConstraint<ShellResultAssertions>(this);
    }

    private AndConstraint<ShellResultAssertions> Assert(bool holds, string expectation, string because, object[] becauseArgs)
    {
        // What it wrote may be much: it is looked through only where it is told.
        if (!holds)
        {
            Execute
                .Assertion.BecauseOf(because, becauseArgs)
                .FailWith(
                    $"Expected the command {MessageText.Literal(Subject.WithoutSecrets(expectation))}{{reason}}, but it did "
                        + $"not:\n{MessageText.Literal(Describe())}"
                );
        }

        return new AndConstraint<ShellResultAssertions>(this);
    }

    private string Describe() =>
        $"Command: {Subject.Command}\nExit code: "
        + $"{Subject.ExitCode}\n{Tail("Standard output", Subject.StandardOutput)}\n{Tail("Standard error", Subject.StandardError)}";

    private string Tail(string name, string output) =>
        $"{name} (last {TailLines} lines):\n{TextTail.Of(Subject.WithoutSecrets(output), TailLines)}";
}
