using FluentAssertions;
using TestHarness.MachineTests.Images;
using TestHarness.MachineTests.Templates;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>The image below a running machine is cut or can't be read: a copy of tiny's.</summary>
[Fault(
    "The image or template below a running machine is cut, or it can't be read.",
    "The machine is stopped at the first error. What runs fails with \"host disk failed …\" and the file. No command "
        + "ends as the guest's fault, or with 0.",
    "BaseFilesTests"
)]
public sealed class HostDiskFailedTests(Tiny tiny) : IDisposable
{
    // Reads what is on the disk; its own exit code says nothing.
    private const string ReadAll = "find /usr /lib /bin /sbin -xdev -type f -exec cat {} + 2> /dev/null | wc -c";

    private readonly OpenFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Tells_at_the_first_command_that_the_image_was_cut()
    {
        MachineSpec spec = await SpecAsync("convert", "-O", "raw");
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        using (FileStream disk = new(spec.Image, FileMode.Open))
            disk.SetLength(1024 * 1024);

        MachineExitedException thrown = (
            await vm.Invoking(machine => machine.Shell.RunAsync(ReadAll, cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineExitedException>()
        ).Which;

        thrown.Exit.Reason.Should().Be(MachineExitReason.HostDiskFailed);
        thrown.Outcome.Should().Be(FailureOutcome.InfrastructureFailed);
        thrown
            .Message.Should()
            .Contain($"host disk failed: '{spec.Image}', which the machine runs on, was cut from")
            .And.Contain("Try: see the host's kernel log (dmesg)");
        vm.State.Should().Be(MachineState.Stopped);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Tells_a_read_error_of_the_image_as_the_hosts()
    {
        MachineSpec spec = await SpecAsync("convert", "-c", "-O", "qcow2");
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        // What can't be unpacked is a read error of QEMU's.
        await using (FileStream disk = new(spec.Image, FileMode.Open))
        {
            byte[] rubbish = new byte[disk.Length - (1024 * 1024)];
            Array.Fill(rubbish, (byte)0xff);
            disk.Position = 1024 * 1024;
            await disk.WriteAsync(rubbish, Token);
        }

        MachineExitedException thrown = (
            await vm.Invoking(machine => machine.Shell.RunAsync(ReadAll, cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineExitedException>()
        ).Which;

        thrown.Exit.Reason.Should().Be(MachineExitReason.HostDiskFailed);
        thrown
            .Message.Should()
            .MatchRegex($"host disk failed at .*, on '{spec.Image}': the guest's read of disk0 ended with \"Input/output error\"");
    }

    private async Task<MachineSpec> SpecAsync(params string[] conversion)
    {
        string image = await UsualCache.ImageFolderOfAsync(tiny.Machine, Token),
            disk = _folder[conversion[^1] == "raw" ? "disk.raw" : "disk.qcow2"];
        (int exitCode, string output) = await Repository.RunAsync(
            "qemu-img",
            [.. conversion, Path.Combine(image, "disk.qcow2"), disk],
            null,
            Token
        );
        exitCode.Should().Be(0, output);
        return new MachineSpec
        {
            Image = disk,
            Kernel = Path.Combine(image, "vmlinux"),
            Initrd = Path.Combine(image, "initrd"),
            KernelArguments = "root=/dev/vda rw",
            Start = StartMode.Cold,
            MemoryMiB = 128,
        };
    }
}
