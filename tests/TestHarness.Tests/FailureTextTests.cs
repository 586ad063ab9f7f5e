using FluentAssertions;
using Xunit;

namespace TestHarness.Tests;

public sealed class FailureTextTests
{
    [Fact]
    public void Puts_one_line_beside_its_label_and_several_below() =>
        new FailureText("It failed.").Add("Exit code", "7").Add("Nothing", " ").Add("Standard error", "a\nb\n").Try("this").ToString()
            .Should().Be("It failed.\nExit code: 7\nStandard error:\n  a\n  b\nTry: this");
}
