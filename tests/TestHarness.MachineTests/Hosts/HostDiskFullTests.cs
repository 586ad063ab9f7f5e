using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>The disk of the host runs full while a machine runs.</summary>
[Fault(
    "The host's disk becomes full under a running machine. Or a limit on the size of files ends a write.",
    "The command that wrote fails with \"host disk full at …\".",
    "BlockErrorsTests"
)]
public sealed class HostDiskFullTests
{
    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Fails_the_command_that_wrote_more_than_the_host_has_room_for()
    {
        using var program = new SampleProgram();

        (int exitCode, string output) = await program.RunInMountsAsync(
            "mount -t tmpfs -o size=64m,mode=711 none \"$TESTHARNESS_RUN\"; exec timeout 60 \"$@\"",
            "fill"
        );

        exitCode.Should().Be(1, output);
        output
            .Should()
            .MatchRegex(@"failed after [0-9]\.[0-9]")
            .And.Contain($"host disk full at {program.RunFolder}/")
            .And.Contain("MachineExitedException")
            .And.Contain("Try: make room, or point TESTHARNESS_RUN");
        await program.AssertNothingStaysAsync();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Names_the_limit_on_the_size_of_a_file()
    {
        using var limited = new QemuScript("exec prlimit --fsize=60000000 qemu-system-x86_64 \"$@\"");
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { QemuPath = limited.Path, Start = StartMode.Cold },
            cancellationToken: Token
        );

        MachineExitedException thrown = (
            await vm
                .Shell.Invoking(shell => shell.RunAsync("dd if=/dev/urandom of=/big bs=1M count=200; sync", cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineExitedException>()
        ).Which;

        thrown
            .Message.Should()
            .MatchRegex("host disk full at .*: there was no room for what the guest wrote to disk0")
            .And.Contain("a limit on the size of files (ulimit -f)");
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;
}
