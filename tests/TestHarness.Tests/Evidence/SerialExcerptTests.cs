using System.Text;
using FluentAssertions;
using TestHarness.Errors;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Evidence;

/// <summary>What a failure shows of a serial log.</summary>
[Fault(
    "A test fails on a machine that booted long before it.",
    "The message has what the console wrote since the test began, once and without colours. It names the file with "
        + "QEMU's command line. The trace begins at the test's line.",
    "CallersTraceTests",
    "EvidenceTests"
)]
public sealed class SerialExcerptTests
{
    private const string Since = "since the test began";

    private readonly SerialLog _log = new(headBytes: 100, tailBytes: 200);

    [Fact]
    public void Begins_where_the_test_did()
    {
        Write("[1.0] boot\nlogin: ");
        long began = _log.Length;
        Write("[2.0] mine\n");

        SerialExcerpt excerpt = Of(began, Since);
        excerpt.Label.Should().Be("Serial log (since the test began)");
        excerpt.Words.Should().Be("[2.0] mine");
    }

    [Fact]
    public void Has_a_word_where_nothing_came()
    {
        Write("[1.0] boot\n");

        Of(_log.Length, Since).Words.Should().Be("nothing was written");
        new FailureText("It failed.")
            .Add(Of(_log.Length, Since).Label, Of(_log.Length, Since).Words)
            .ToString()
            .Should()
            .Be("It failed.\nSerial log (since the test began): nothing was written");
    }

    [Fact]
    public void Says_how_many_lines_it_has_of_more()
    {
        Write("a\nb\nc\nd\n");

        Of(0, null).Label.Should().Be("Serial log (last 3 lines)");
        Of(0, Since)
            .Should()
            .Match<SerialExcerpt>(excerpt =>
                excerpt.Label == "Serial log (since the test began, last 3 lines)" && excerpt.Text == "b\nc\nd"
            );
    }

    [Fact]
    public void Finds_its_beginning_in_a_log_that_has_dropped_some()
    {
        Write(new string('x', 99));
        long early = _log.Length;
        Write($"\n{new string('y', 400)}\n");
        long late = _log.Length;
        Write("mine");

        Of(late, Since).Text.Should().Be("mine");
        Of(early, Since).Text.Should().StartWith("[… 205 bytes dropped …]\ny").And.EndWith("y\nmine").And.NotContain("x");
    }

    [Fact]
    public void Masks_a_secret_that_had_begun_before()
    {
        Write("password: tr0ub");
        long began = _log.Length;
        Write("4dor end\n");

        Of(began, Since).Text.Should().Be("*** end");
    }

    private void Write(string text) => _log.Append(Encoding.UTF8.GetBytes(text));

    private SerialExcerpt Of(long from, string? since) =>
        SerialExcerpt.Of(_log.TextAt(from), since, lines: 3, new SecretMask(["tr0ub4dor"]), telling: null);
}
