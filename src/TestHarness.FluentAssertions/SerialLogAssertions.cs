using FluentAssertions;
using FluentAssertions.Execution;
using FluentAssertions.Primitives;
using TestHarness.Guest;

namespace TestHarness.FluentAssertions;

/// <summary>Assertions on a serial log.</summary>
/// <param name="log">The log.</param>
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
        string tail = TextTail.Of(text, TailLines);
        Execute.Assertion
            .BecauseOf(because, becauseArgs)
            .ForCondition(text.Contains(expected, StringComparison.Ordinal))
            .FailWith(
                $"Expected the serial log to contain \"{MessageText.Literal(expected)}\"{{reason}}, but its last lines are:\n{MessageText.Literal(tail)}");
        return new AndConstraint<SerialLogAssertions>(this);
    }
}
