using System.Text;
using System.Text.RegularExpressions;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Goldens;

[Collection(nameof(GoldenCollection))]
public sealed class GoldenTextTests : IDisposable
{
    private const string Verified = "LoginTests.Boots.boot.verified.txt";

    private readonly GoldenSandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [Fact]
    public void A_difference_is_shown_line_by_line_with_what_is_around_it()
    {
        string[] lines = [.. Enumerable.Range(1, 40).Select(number => $"line {number}")];
        Write(string.Join('\n', lines));
        lines[19] = "line twenty";
        lines[30] = "line 31\nand a half";

        GoldenMismatchException failure = Fails(string.Join('\n', lines));

        failure
            .Message.Should()
            .Be(
                $"""
                The text does not match the golden 'boot'.
                Different: 1 line missing, 2 lines new; the first is line 20
                Difference (- golden, + received):
                      17  line 17
                      18  line 18
                      19  line 19
                  -   20  line 20
                  +   20  line twenty
                      21  line 21
                      22  line 22
                      23  line 23
                     ⋮
                      29  line 29
                      30  line 30
                      31  line 31
                  +   32  and a half
                      33  line 32
                      34  line 33
                      35  line 34
                Golden: {_sandbox.At(Verified)}
                Received: {_sandbox.At("LoginTests.Boots.boot.received.txt")}
                Try: if what was received is right: mv '{_sandbox.At("LoginTests.Boots.boot.received.txt")}' '{_sandbox.At(
                    Verified
                )}', or run with TESTHARNESS_GOLDENS=update.
                """
            );
        _sandbox.Attached.Keys.Should().Equal("boot.expected.txt", "boot.actual.txt");
    }

    [Fact]
    public void A_text_that_has_nothing_in_common_is_shown_up_to_a_limit_and_quickly()
    {
        Write(string.Join('\n', Enumerable.Range(0, 50_000).Select(number => $"a{number}")));

        string message = Fails(string.Join('\n', Enumerable.Range(0, 50_000).Select(number => $"b{number}"))).Message;

        message.Should().Contain("50000 lines missing, 50000 lines new").And.Contain("more lines …]");
        message.Split('\n').Length.Should().BeLessThan(140);
    }

    [Theory]
    [InlineData("a\nb", "a\nb\n")]
    [InlineData("a\r\nb\r\n", "a\nb\n")]
    [InlineData("a\nb\n\n\n", "a\nb\n")]
    [InlineData("\u001b[1ma\u001b[0m\nb", "a\nb\n")]
    [InlineData("", "\n")]
    public void Line_ends_and_escape_sequences_make_no_difference(string text, string written)
    {
        GoldenSandbox.SetMode("missing");
        Golden.Match(text, "boot");
        GoldenSandbox.SetMode("verify");

        Golden.Match(text, "boot");

        File.ReadAllText(_sandbox.At(Verified)).Should().Be(written);
    }

    [Fact]
    public void What_is_no_valid_text_matches_itself()
    {
        GoldenSandbox.SetMode("missing");
        Golden.Match("half of a pair \ud83d, NUL \0", "boot");
        GoldenSandbox.SetMode("verify");

        Golden.Match("half of a pair \ud83d, NUL \0", "boot");
    }

    [Fact]
    public void Lines_of_an_unordered_block_may_come_in_any_order_and_others_not()
    {
        Write("begin\nc\nb\na\nend\nx\ny");
        var options = new GoldenTextOptions { UnorderedBlocks = [new UnorderedBlock(new Regex("^begin$"), new Regex("^end$"))] };

        Golden.Match("begin\na\nb\nc\nend\nx\ny", "boot", options);

        Action otherLine = () => Golden.Match("begin\na\nb\nd\nend\nx\ny", "boot", options);
        otherLine.Should().Throw<GoldenMismatchException>().Which.Message.Should().Contain("-    4  c").And.Contain("+    4  d");
        Action outside = () => Golden.Match("begin\na\nb\nc\nend\ny\nx", "boot", options);
        outside.Should().Throw<GoldenMismatchException>();
    }

    [Fact]
    public void A_serial_log_is_scrubbed_and_other_texts_are_not()
    {
        GoldenSandbox.SetMode("missing");
        Log("[    1.234567] eth0: 52:54:00:12:34:56\r\nlogin: ").Should().MatchGolden("boot");
        GoldenSandbox.SetMode("verify");

        Log("[    7.654321] eth0: 52:54:00:65:43:21\r\nlogin: ").Should().MatchGolden("boot");
        File.ReadAllText(_sandbox.At(Verified)).Should().Be("[{time}] eth0: {mac}\nlogin: \n");
        "[{time}] eth0: {mac}\nlogin: ".Should().MatchGolden("boot");
        Action plain = () => "[    7.654321] eth0: 52:54:00:65:43:21\nlogin: ".Should().MatchGolden("boot");
        plain.Should().Throw<GoldenMismatchException>();
        Golden.Match(
            "[    7.654321] eth0: 52:54:00:65:43:21\nlogin: ",
            "boot",
            new GoldenTextOptions { Scrubbers = [Scrubber.KernelTimestamps, Scrubber.MacAddresses] }
        );
    }

    [Fact]
    public void A_command_has_its_errors_and_its_exit_code_in_the_golden()
    {
        var result = new ShellResult
        {
            Command = "make",
            ExitCode = 2,
            StandardOutputBytes = Encoding.UTF8.GetBytes("building\n"),
            StandardErrorBytes = Encoding.UTF8.GetBytes("no rule\n"),
        };
        GoldenSandbox.SetMode("missing");
        result.Should().MatchGolden("boot");
        GoldenSandbox.SetMode("verify");

        File.ReadAllText(_sandbox.At(Verified)).Should().Be("building\n[standard error]\nno rule\n[exit code 2]\n");
        Action other = () => (result with { ExitCode = 1 }).Should().MatchGolden("boot");
        other
            .Should()
            .Throw<GoldenMismatchException>()
            .Which.Message.Should()
            .StartWith("The output of the command 'make' does not match the golden 'boot'.");
    }

    [Fact]
    public void What_a_guest_wrote_acts_nowhere()
    {
        Write("a");

        Fails("##vso[x]\u202e").Message.Should().Contain("#\\#vso[x]\\u202e").And.NotContain("\u202e");
    }

    private static SerialLog Log(string text)
    {
        var log = new SerialLog();
        log.Append(Encoding.UTF8.GetBytes(text));
        return log;
    }

    private static GoldenMismatchException Fails(string text)
    {
        Action match = () => Golden.Match(text, "boot");
        return match.Should().Throw<GoldenMismatchException>().Which;
    }

    private void Write(string text) => File.WriteAllText(_sandbox.At(Verified), text);
}
