using System.Diagnostics;
using System.Runtime.CompilerServices;
using FluentAssertions;
using FluentAssertions.Execution;
using FluentAssertions.Primitives;
using TestHarness.Text;

namespace TestHarness.FluentAssertions;

/// <summary>Assertions on a serial log.</summary>
/// <param name="log">The log.</param>
[StackTraceHidden]
public sealed class SerialLogAssertions(SerialLog log) : ReferenceTypeAssertions<SerialLog, SerialLogAssertions>(log)
{
    private const int TailLines = 40;

    /// <inheritdoc/>
    protected override string Identifier => "serial log";

    /// <summary>Asserts that the log has a text in it by now.</summary>
    /// <param name="expected">The text, compared exactly.</param>
    /// <param name="because">Why, as a phrase.</param>
    /// <param name="becauseArgs">Values for the phrase.</param>
    /// <returns>The assertions, to go on.</returns>
    public AndConstraint<SerialLogAssertions> Contain(string expected, string because = "", params object[] becauseArgs)
    {
        string text = Subject.Text;
        string tail = TextTail.Of(Subject.WithoutSecrets(text), TailLines);
        Execute
            .Assertion.BecauseOf(because, becauseArgs)
            .ForCondition(text.Contains(expected, StringComparison.Ordinal))
            .FailWith(
                $"Expected the serial log to contain \"{MessageText.Literal(expected)}\"{{reason}}, but its last lines "
                    + $"are:\n{MessageText.Literal(tail)}"
            );
        return new AndConstraint<SerialLogAssertions>(this);
    }

    /// <summary>Asserts that the log shows a text by now, as a person at a terminal would have seen it: without escape sequences.</summary>
    /// <param name="expected">The text, compared exactly.</param>
    /// <param name="because">Why, as a phrase.</param>
    /// <param name="becauseArgs">Values for the phrase.</param>
    /// <returns>The assertions, to go on.</returns>
    public AndConstraint<SerialLogAssertions> HaveText(string expected, string because = "", params object[] becauseArgs)
    {
        string text = Subject.PlainText;
        string tail = TextTail.Of(Subject.WithoutSecrets(text), TailLines);
        Execute
            .Assertion.BecauseOf(because, becauseArgs)
            .ForCondition(text.Contains(expected, StringComparison.Ordinal))
            .FailWith(
                $"Expected the serial log to show \"{MessageText.Literal(expected)}\"{{reason}}, but its last lines "
                    + $"are:\n{MessageText.Literal(tail)}"
            );
        return new AndConstraint<SerialLogAssertions>(this);
    }

    /// <summary>Asserts that the log has some texts in it by now, each behind the one before.</summary>
    /// <param name="expected">The texts, compared exactly.</param>
    /// <returns>The assertions, to go on.</returns>
    public AndConstraint<SerialLogAssertions> ContainInOrder(params string[] expected)
    {
        int found = Subject.CountInOrder(expected);
        if (found < expected.Length)
        {
            string before = found == 0 ? "" : $" behind \"{MessageText.Literal(expected[found - 1])}\"";
            string elsewhere = Subject.Text.Contains(expected[found], StringComparison.Ordinal)
                ? "it is there, but not in this order"
                : "it is nowhere";
            Execute.Assertion.FailWith(
                $"Expected the serial log to contain \"{MessageText.Literal(expected[found])}\"{before} (number {found + 1} of "
                    + $"{expected.Length}), but {elsewhere}. "
                    + $"Its last lines are:\n{MessageText.Literal(TextTail.Of(Subject.WithoutSecrets(Subject.Text), TailLines))}"
            );
        }

        return new AndConstraint<SerialLogAssertions>(this);
    }

    /// <summary>
    /// Asserts that the log, as it stands, matches a golden (<see cref="Golden"/>), with <see cref="Scrubber.All"/> unless the options say
    /// otherwise.
    /// </summary>
    /// <param name="name">The golden's name.</param>
    /// <param name="options">How it is compared.</param>
    /// <param name="sourceFile">The caller's source file; the compiler gives it.</param>
    /// <param name="member">The caller's method; the compiler gives it.</param>
    /// <returns>The assertions, to go on.</returns>
    /// <exception cref="GoldenMismatchException">It does not match, or there is no golden.</exception>
    public AndConstraint<SerialLogAssertions> MatchGolden(
        string name,
        GoldenTextOptions? options = null,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string member = ""
    )
    {
        Golden.Match(Subject, name, options, sourceFile, member);
        return new AndConstraint<SerialLogAssertions>(this);
    }
}
