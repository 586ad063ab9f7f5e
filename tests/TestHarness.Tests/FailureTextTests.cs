using FluentAssertions;
using Xunit;

namespace TestHarness.Tests;

public sealed class FailureTextTests
{
    [Fact]
    public void Puts_one_line_beside_its_label_and_several_below() =>
        new FailureText("It failed.").Add("Exit code", "7").Add("Nothing", " ").Add("Standard error", "a\nb\n").Try("this").ToString()
            .Should().Be("It failed.\nExit code: 7\nStandard error:\n  a\n  b\nTry: this");

    [Fact]
    public void Has_nothing_in_it_that_acts_on_a_terminal_or_a_CI_log()
    {
        FailureText text = new FailureText("The guest said \u001b[2J.").Add("Serial log", "::error::x\r\n##vso[x]\u0007\r50 %");

        text.Summary.Should().Be(@"The guest said \x1b[2J.");
        text.ToString().Should().Be("The guest said \\x1b[2J.\nSerial log:\n  \\::error::x\n  #\\#vso[x]\\x07\\x0d50 %");
    }
}
