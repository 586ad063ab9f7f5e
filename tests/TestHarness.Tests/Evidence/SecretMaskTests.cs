using FluentAssertions;
using TestHarness.Evidence;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Evidence;

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

    [Fact]
    public void Leaves_other_texts_alone() => SecretMask.None.Apply("a text").Should().Be("a text");

    [Fact]
    public void Keeps_secrets_out_of_every_part_of_an_exception()
    {
        var facts = new MachineFacts("m-1") { CommandLine = $"qemu -append {ShellQuote.Quote(Odd)}", StandardError = Odd, SerialTail = "***", Mask = new SecretMask([Odd]) };
        var result = new ShellResult { Command = "login ***", ExitCode = 1, StandardOutputBytes = System.Text.Encoding.UTF8.GetBytes(new string('x', 7_990) + Odd) };

        var failure = new GuestCommandException(facts, result);

        failure.ToString().Should().NotContain("secret").And.Contain("Standard output: xxx").And.Contain("Reproduce: qemu -append '***'");
        new WaitTimeoutException(facts, $"\"{Odd}\" on the serial console", TimeSpan.FromSeconds(1), $"seen {Odd}").Should()
            .Match<WaitTimeoutException>(e => !e.ToString().Contains("secret") && !e.Summary.Contains("secret"));
    }
}
