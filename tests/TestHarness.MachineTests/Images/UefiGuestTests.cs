using System.Text;
using FluentAssertions;
using TestHarness.Agents;
using TestHarness.FluentAssertions;
using TestHarness.Images;
using TestHarness.MachineTests.Templates;
using Xunit;

namespace TestHarness.MachineTests.Images;

/// <summary>
/// A guest with the agent that UEFI boots: Debian's kernel, which is an EFI program, with all the rest in its initial RAM disk.
/// </summary>
public sealed class UefiGuestTests : IDisposable
{
    private const UnixFileMode Executable = (UnixFileMode)0x1ed;

    private readonly OpenFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Is_restored_from_a_template_and_keeps_its_variables_over_a_reboot()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(await MakeGuestAsync(), cancellationToken: Token);
        vm.IsWarm.Should().BeTrue(vm.StartNote);
        (await vm.Shell.RunAsync("ls -d /sys/firmware/efi; cat /proc/cmdline", cancellationToken: Token))
            .StandardOutput.Should()
            .StartWith("/sys/firmware/efi\n")
            .And.Contain("initrd=");
        const string Variable = "/sys/firmware/efi/efivars/TestHarness-12345678-1234-1234-1234-123456789abc";
        await vm.Shell.RunAsync(
            $"mount -t efivarfs efivarfs /sys/firmware/efi/efivars; printf '\\007\\000\\000\\000kept' > {Variable}",
            cancellationToken: Token
        );

        await vm.RebootAsync(cancellationToken: Token);

        (await vm.Shell.RunAsync($"mount -t efivarfs efivarfs /sys/firmware/efi/efivars; tail -c 4 {Variable}", cancellationToken: Token))
            .Should()
            .HaveOutput("kept");
    }

    private async Task<MachineSpec> MakeGuestAsync()
    {
        string kernel = _folder["vmlinuz"],
            initrd = _folder["initrd"],
            script = _folder["startup.nsh"],
            disk = _folder["esp.raw"];
        await using (
            VirtualMachine debian = await VirtualMachine.StartAsync(new MachineSpec { Image = "debian-12" }, cancellationToken: Token)
        )
        {
            string release = (await debian.Shell.RunAsync("uname -r", cancellationToken: Token)).StandardOutput.Trim();
            await File.WriteAllBytesAsync(
                kernel,
                await debian.Files.ReadBytesAsync($"/boot/vmlinuz-{release}", cancellationToken: Token),
                Token
            );
            byte[] module = await debian.Files.ReadBytesAsync(
                $"/lib/modules/{release}/kernel/fs/efivarfs/efivarfs.ko",
                cancellationToken: Token
            );
            string image = await UsualCache.ImageFolderOfAsync(debian, Token);
            await File.WriteAllBytesAsync(
                initrd,
                [.. await File.ReadAllBytesAsync(Path.Combine(image, "initrd"), Token), .. MakeInitrd(module)],
                Token
            );
        }

        await File.WriteAllTextAsync(script, "fs0:\\vmlinuz.efi initrd=\\initrd console=ttyS0\r\n", Token);
        await BootableDisk.MakeEfiAsync(
            disk,
            64,
            new Dictionary<string, string>
            {
                ["vmlinuz.efi"] = kernel,
                ["initrd"] = initrd,
                ["startup.nsh"] = script,
            },
            Token
        );
        return new MachineSpec
        {
            Image = disk,
            Firmware = Firmware.Uefi,
            MemoryMiB = 256,
        };
    }

    // Unpacked over the image's own, whose modules and busybox it uses.
    private static byte[] MakeInitrd(byte[] variables)
    {
        using var bytes = new MemoryStream();
        var archive = new CpioArchive(bytes);
        archive.AddFile(
            "init",
            Encoding.UTF8.GetBytes(
                """
                #!/bin/sh
                mount -t devtmpfs dev /dev
                mount -t proc proc /proc
                mount -t sysfs sys /sys
                while read -r module; do insmod "/modules/$module"; done < /modules/order
                insmod /efivarfs.ko
                /bin/busybox mkdir -p /etc /tmp /run /var/log
                /bin/busybox --install -s /bin
                echo '::respawn:/agent' > /etc/inittab
                exec /bin/busybox init
                """.ReplaceLineEndings("\n")
            ),
            Executable
        );
        archive.AddFile("efivarfs.ko", variables, Executable);
        archive.AddFile("agent", EmbeddedAgent.Read(), Executable);
        archive.Finish();
        return bytes.ToArray();
    }
}
