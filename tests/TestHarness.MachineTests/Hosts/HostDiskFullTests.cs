using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>The disk of the host runs full while a machine runs.</summary>
public sealed class HostDiskFullTests
{
    [Fact]
    public async Task Fails_the_command_that_wrote_more_than_the_host_has_room_for()
    {
        using var program = new SampleProgram();

        (int exitCode, string output) = await program.RunInMountsAsync(
            "mount -t tmpfs -o size=64m,mode=711 none \"$TESTHARNESS_RUN\"; exec timeout 60 \"$@\"", "fill");

        exitCode.Should().Be(1, output);
        output.Should().MatchRegex(@"failed after [0-9]\.[0-9]").And.Contain($"host disk full at {program.RunFolder}/").And.Contain("MachineExitedException");
        await program.AssertNothingStaysAsync();
    }
}
