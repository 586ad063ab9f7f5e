using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Images;

/// <summary>Disks that boot by firmware, with nothing in them that answers the library.</summary>
[Fault(
    "A guest resets itself again and again. Or its boot sector gives the boot back to the BIOS (int 19h).",
    "`BootLoop` comes with the count and the last line of the serial console. It also comes if nothing in the guest " + "answers.",
    "GuestWatchTests"
)]
public sealed class FirmwareTests : IDisposable
{
    private readonly OpenFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(DiskFormat.Raw)]
    [InlineData(DiskFormat.Qcow2)]
    public async Task Boots_a_boot_sector_by_the_BIOS(DiskFormat format)
    {
        string disk = await MakeBootSectorAsync("hello from a boot sector\r\n", format);
        byte[] before = await File.ReadAllBytesAsync(disk, Token);
        var since = Stopwatch.StartNew();

        await using VirtualMachine vm = await VirtualMachine.StartAsync(Silent(disk, Firmware.Bios), cancellationToken: Token);

        vm.State.Should().Be(MachineState.Running);
        since.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(5), "nothing is waited for that does not answer");
        vm.StartNote.Should()
            .Be("boots, because nothing in this guest says when it is up, so there is no moment to keep as a warm template");
        await vm.Console.WaitForAsync("hello from a boot sector", cancellationToken: Token);
        (await vm.Screen.CaptureAsync(Token)).Png.Length.Should().BePositive();
        (await File.ReadAllBytesAsync(disk, Token)).Should().Equal(before);
    }

    [Fact]
    public async Task Boots_an_EFI_program_by_UEFI_with_variables_of_its_own()
    {
        string program = _folder["hello.efi"],
            disk = _folder["esp.raw"];
        await File.WriteAllBytesAsync(program, BootableDisk.EfiProgram("hello from an EFI program\r\n"), Token);
        await BootableDisk.MakeEfiAsync(disk, 8, new Dictionary<string, string> { ["EFI/BOOT/BOOTX64.EFI"] = program }, Token);

        await using VirtualMachine vm = await VirtualMachine.StartAsync(Silent(disk, Firmware.Uefi), cancellationToken: Token);

        await vm.Console.WaitForAsync("hello from an EFI program", cancellationToken: Token);
        await vm.CheckpointAsync("booted", Token);
        await vm.RollbackAsync("booted", Token);
    }

    [Theory]
    // mov al, 0xfe; out 0x64, al: the keyboard controller's reset
    [InlineData("b0fee664f4ebfd", "the guest resets itself again and again: 15 times within")]
    [InlineData("cd19", "the firmware starts the disk again and again, whose boot sector gives it back (int 19h): 15 times within")]
    public async Task Tells_a_boot_without_end(string code, string verdict)
    {
        string disk = _folder["loop.raw"];
        await File.WriteAllBytesAsync(
            disk,
            [.. BootableDisk.BootSector(Convert.FromHexString(code)), .. new byte[(1024 * 1024) - 512]],
            Token
        );
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Silent(disk, Firmware.Bios), cancellationToken: Token);

        MachineExitedException thrown = (
            await vm
                .Console.Invoking(console => console.WaitForAsync("never there", cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineExitedException>()
        ).Which;

        thrown.Exit.Reason.Should().Be(MachineExitReason.BootLoop);
        thrown.Message.Should().Contain(verdict).And.Contain("Try: read the serial log from its beginning");
    }

    [Fact]
    public async Task Tells_a_boot_without_end_on_the_way_up()
    {
        string disk = _folder["loop.raw"];
        await File.WriteAllBytesAsync(
            disk,
            [.. BootableDisk.BootSector(Convert.FromHexString("cd19")), .. new byte[(1024 * 1024) - 512]],
            Token
        );
        var vm = new VirtualMachine(
            new MachineSpec
            {
                Image = disk,
                Firmware = Firmware.Bios,
                Start = StartMode.Cold,
                MemoryMiB = 64,
            }
        );
        await using var _ = vm;

        MachineStartException failure = (
            await vm.Awaiting(machine => machine.StartAsync(cancellationToken: Token)).Should().ThrowAsync<MachineStartException>()
        ).Which;

        failure.Fault.Should().Be(MachineFault.BootLoop);
    }

    [Fact]
    public async Task Shows_what_the_BIOS_says_of_a_disk_that_boots_nothing()
    {
        string disk = _folder["empty.raw"];
        await File.WriteAllBytesAsync(disk, new byte[1024 * 1024], Token);
        var vm = new VirtualMachine(
            new MachineSpec
            {
                Image = disk,
                Firmware = Firmware.Bios,
                Start = StartMode.Cold,
                MemoryMiB = 64,
            }
        );
        await using var _ = vm;

        MachineStartException failure = (
            await vm.Awaiting(machine => machine.StartAsync(cancellationToken: Token)).Should().ThrowAsync<MachineStartException>()
        ).Which;

        failure.Fault.Should().Be(MachineFault.NothingToBoot);
    }

    [Fact]
    public async Task Says_of_a_guest_that_nothing_in_it_answers()
    {
        string disk = await MakeBootSectorAsync("up\r\n", DiskFormat.Raw);
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Silent(disk, Firmware.Bios), cancellationToken: Token);

        (await vm.Shell.Awaiting(shell => shell.RunAsync("true", cancellationToken: Token)).Should().ThrowAsync<GuestCommandException>())
            .Which.Message.Should()
            .Contain("nothing in this guest answers");
        (await vm.StopAsync(Token)).Reason.Should().Be(MachineExitReason.Killed, "a boot sector knows no power button");
    }

    private static MachineSpec Silent(string disk, Firmware firmware) =>
        new()
        {
            Image = disk,
            Firmware = firmware,
            MemoryMiB = 128,
            GuestAccess = GuestAccess.None,
            StopTimeout = TimeSpan.FromSeconds(2),
        };

    private async Task<string> MakeBootSectorAsync(string text, DiskFormat format)
    {
        string raw = _folder["boot.raw"];
        await File.WriteAllBytesAsync(raw, [.. BootableDisk.BootSector(text), .. new byte[1024 * 1024]], Token);
        if (format == DiskFormat.Raw)
            return raw;
        (int exitCode, string output) = await Repository.RunAsync(
            "qemu-img",
            ["convert", "-f", "raw", "-O", "qcow2", raw, _folder["boot.qcow2"]],
            null,
            Token
        );
        exitCode.Should().Be(0, output);
        return _folder["boot.qcow2"];
    }
}
