using FluentAssertions;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

[Fault("The host forbids io_uring.", "Threads read the disks, and the start says so.", "QemuFaultTests")]
public sealed class FileIoTests
{
    private const string Works = "echo probe:ticks 0000000000000001; exit 33";

    private static readonly AcceleratorChoice Tcg = new(Accelerator.Tcg, "", 1, null);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Works, "io_uring", null)]
    [InlineData(
        "echo 'qemu: -blockdev x: failed to init linux io_uring ring' >&2; exit 1",
        null,
        "QEMU ended (QEMU: qemu: -blockdev x: failed to init linux io_uring ring)"
    )]
    [InlineData("exec sleep 60", null, "a probe guest hung before its first step and was killed after 1 s")]
    public async Task Is_io_uring_where_a_guest_runs_with_it_and_else_says_why_not(string withIoUring, string? aio, string? obstacle)
    {
        using var qemu = new ScriptedQemu($"case \"$*\" in *'\"aio\":\"io_uring\"'*) {withIoUring};; *) {Works};; esac");

        FileIo io = await FileIo.ChooseAsync(new AcceleratorHost(qemu.Program) { Folder = qemu.Proofs }, Tcg, Token);

        io.Should().Be(new FileIo(aio, obstacle));
    }
}
