using FluentAssertions;
using TestHarness.Errors;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Evidence;

[Fault(
    "A secret of several lines is printed line by line, cut off, dropped in part, or followed live.",
    "Each line of at least 4 characters is masked by itself. From 8 characters on it is masked within a word, too. "
        + "What a cut has left of a secret is masked. A line that goes on with a secret is masked. No line waits for the "
        + "next one.",
    "LiveMaskTests"
)]
public sealed class SecretMaskTests
{
    private const string Odd = "it's, \"so\" 50 <secret>";

    [Fact]
    public void Masks_the_longer_of_two_secrets_first() =>
        new SecretMask(["pass", "password1"]).Apply("password1 pass x").Should().Be("*** *** x");

    [Fact]
    public void Masks_a_secret_as_shells_json_and_qemu_write_it()
    {
        var mask = new SecretMask([Odd]);
        string json = System.Text.Json.JsonSerializer.Serialize(new { a = Odd });

        mask.Apply(ShellQuote.Quote(Odd)).Should().Be("'***'");
        mask.Apply(json).Should().Be("{\"a\":\"***\"}");
        mask.Apply(ShellQuote.Quote(json)).Should().Be("'{\"a\":\"***\"}'");
        mask.Apply($"file={Odd.Replace(",", ",,", StringComparison.Ordinal)},if=none").Should().Be("file=***,if=none");
    }

    [Theory]
    [InlineData("a first-line\nsecond-line\nef\n b", "a ***\n b", "whole")]
    [InlineData("a first-line\r\nsecond-line\r\nef b", "a *** b", "with the line ends of a terminal")]
    [InlineData("{\"a\":\"first-line\\nsecond-line\\nef\"}", "{\"a\":\"***\"}", "in JSON")]
    [InlineData("grep: second-line, first-line", "grep: ***, ***", "line by line")]
    [InlineData("ef", "ef", "a line that is too short says little")]
    public void Masks_a_secret_of_several_lines(string text, string expected, string because) =>
        new SecretMask(["first-line\nsecond-line\nef\n"]).Apply(text).Should().Be(expected, because);

    [Fact]
    public void Masks_a_short_line_of_a_secret_as_a_word_only() =>
        new SecretMask(["root\ntr0ub4dor"]).Apply("root rooted xtr0ub4dorx").Should().Be("*** rooted x***x");

    [Theory]
    [InlineData("b4dor x tr0u", "*** x ***")]
    [InlineData("\ufffdr x tr0u\ufffd", "*** x ***")]
    [InlineData("tr0ub4dor", "***")]
    [InlineData("that", "that")]
    public void Masks_what_a_cut_has_left_of_a_secret(string text, string expected) =>
        new SecretMask(["tr0ub4dor"]).Apply(text, beginsCut: true, endsCut: true).Should().Be(expected);

    [Fact]
    public void Masks_what_a_bounded_log_has_left_of_a_secret()
    {
        var log = new SerialLog(headBytes: 10, tailBytes: 10, () => new SecretMask(["correct horse"]));
        log.Append("begin: correct horse, and much more, correct horse: end"u8);

        log.Text.Should().Contain("cor\n[… 35 bytes dropped …]\nhorse: end");
        log.WithoutSecrets(log.Text).Should().Be("begin: ***\n[… 35 bytes dropped …]\n***: end");
    }

    [Fact]
    public void Masks_the_output_of_a_command_that_does_not_end_before_it_is_cut()
    {
        string key = string.Join('\n', Enumerable.Range(1, 30).Select(number => $"k{number}"));
        var result = new ShellResult
        {
            Command = "cat key",
            ExitCode = 1,
            StandardOutputBytes = System.Text.Encoding.UTF8.GetBytes($"{key}\nend\n"),
        };

        new GuestCommandException(new MachineFacts("m-1") { Mask = new SecretMask([key]) }, result)
            .Message.Should()
            .Contain("Standard output:\n  ***\n  end")
            .And.NotContain("k30");
    }

    [Fact]
    public void Leaves_other_texts_alone() => SecretMask.None.Apply("a text").Should().Be("a text");

    [Fact]
    public void Keeps_secrets_out_of_every_part_of_an_exception()
    {
        var facts = new MachineFacts("m-1")
        {
            CommandLine = $"qemu -append {ShellQuote.Quote(Odd)}",
            StandardError = Odd,
            Serial = new SerialExcerpt(null, "***", IsCut: false),
            Mask = new SecretMask([Odd]),
        };
        var result = new ShellResult
        {
            Command = "login ***",
            ExitCode = 1,
            StandardOutputBytes = System.Text.Encoding.UTF8.GetBytes(new string('x', 7_990) + Odd),
        };

        var failure = new GuestCommandException(facts, result);

        failure.ToString().Should().NotContain("secret").And.Contain("Standard output: xxx").And.Contain("Reproduce: qemu -append '***'");
        new WaitTimeoutException(facts, $"\"{Odd}\" on the serial console", TimeSpan.FromSeconds(1), $"seen {Odd}")
            .Should()
            .Match<WaitTimeoutException>(e => !e.ToString().Contains("secret") && !e.Summary.Contains("secret"));
    }
}
