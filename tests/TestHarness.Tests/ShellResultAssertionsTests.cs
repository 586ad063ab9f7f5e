using System.Text;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.Tests;

public sealed class ShellResultAssertionsTests
{
    [Fact]
    public void Show_the_end_of_the_output_and_nothing_that_acts()
    {
        var result = new ShellResult
        {
            Command = "noise",
            ExitCode = 3,
            StandardOutputBytes = Encoding.UTF8.GetBytes(new string('x', 1_000_000) + "\nlast {0}\u001b[2J"),
            StandardErrorBytes = Encoding.UTF8.GetBytes("::error::x\n##vso[x]"),
        };

        Action assert = () => result.Should().Succeed();

        string message = assert.Should().Throw<Exception>().Which.Message;
        message
            .Should()
            .Contain("Exit code: 3")
            .And.EndWith("x\nlast {0}\\x1b[2J\nStandard error (last 40 lines):\n\\::error::x\n#\\#vso[x]");
        message.Length.Should().BeLessThan(9000);
    }
}
