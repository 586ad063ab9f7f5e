using FluentAssertions;
using TestHarness.Errors;
using Xunit;

namespace TestHarness.Tests;

public sealed class FailureTextTests
{
    [Fact]
    public void Puts_one_line_beside_its_label_and_several_below() =>
        new FailureText("It failed.")
            .Add("Exit code", "7")
            .Add("Nothing", " ")
            .Add("Standard error", "a\nb\n")
            .Try("this")
            .ToString()
            .Should()
            .Be("It failed.\nExit code: 7\nStandard error:\n  a\n  b\nTry: this");

    [Fact]
    public void Names_the_files_of_the_evidence_in_place_of_what_they_hold()
    {
        var facts = new MachineFacts("m-1")
        {
            CommandLine = "qemu -nodefaults",
            Serial = new SerialExcerpt("since the test began", "", IsCut: false),
        };

        facts
            .AddTo(new FailureText("It failed."))
            .ToString()
            .Should()
            .Be("It failed.\nSerial log (since the test began): nothing was written\nReproduce: qemu -nodefaults", "nobody keeps evidence");
        (facts with { EvidenceFolder = "/a/T.m-1" })
            .AddTo(new FailureText("It failed."))
            .ToString()
            .Should()
            .Be(
                "It failed.\nSerial log (since the test began): nothing was written\nCommand line of QEMU: "
                    + "/a/T.m-1/command-line.txt\nReproduce: /a/T.m-1/repro.sh"
            );
        (facts with { EvidenceFolder = "/a/T.m-1", CommandLine = "" })
            .AddTo(new FailureText("It failed."))
            .ToString()
            .Should()
            .NotContain("/a/", "QEMU was not started");
    }

    [Fact]
    public void Has_nothing_in_it_that_acts_on_a_terminal_or_a_CI_log()
    {
        FailureText text = new FailureText("The guest said \u001b[2J.").Add("Serial log", "::error::x\r\n##vso[x]\u0007\r50 %");

        text.Summary.Should().Be(@"The guest said \x1b[2J.");
        text.ToString().Should().Be("The guest said \\x1b[2J.\nSerial log:\n  \\::error::x\n  #\\#vso[x]\\x07\\x0d50 %");
    }
}
