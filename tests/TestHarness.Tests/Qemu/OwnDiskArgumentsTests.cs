using FluentAssertions;
using TestHarness.Qemu;
using TestHarness.Templates;
using Xunit;

namespace TestHarness.Tests.Qemu;

/// <summary>QEMU's arguments for disks of the user's own.</summary>
public sealed class OwnDiskArgumentsTests
{
    private static readonly BootFiles Kernel = new()
    {
        BackingDisks = ["/own/disk.raw"],
        LowestFormat = DiskFormat.Raw,
        Kernel = "/own/vmlinuz",
        Initrd = null,
        KernelArguments = "",
    };
    private static readonly BootFiles Disk = Kernel with { Kernel = null };
    private static readonly UefiFirmware Ovmf = new("/ovmf/code", "/ovmf/variables");

    [Fact]
    public void State_the_format_of_each_file_of_a_chain() =>
        Line(new MachineSpec(), Kernel with { BackingDisks = ["/own/top.qcow2", "/own/base.raw"] })
            .Should()
            .Contain(
                """
                "backing":{"driver":"qcow2","read-only":true,"file":{"driver":"file","filename":"/own/top.qcow2","read-only":true},"backing":{"driver":"raw","read-only":true,"file":{"driver":"file","filename":"/own/base.raw","read-only":true}}}
                """
            );

    [Fact]
    public void Name_a_kernel_without_an_initrd() =>
        Line(new MachineSpec { KernelArguments = "root=/dev/vda1" }, Kernel)
            .Should()
            .Contain("-kernel /own/vmlinuz -append norandmaps no_timer_check root=/dev/vda1 console=tty0 console=ttyS0")
            .And.NotContain("-initrd")
            .And.NotContain("bootindex");

    [Fact]
    public void Have_the_BIOS_boot_the_disk_and_speak_on_the_serial_console() =>
        Line(new MachineSpec { Firmware = Firmware.Bios }, Disk)
            .Should()
            .Contain("-machine q35,vmport=off,memory-backend=ram,graphics=off ")
            .And.Contain("""{"driver":"virtio-blk-pci","drive":"disk0","rerror":"stop","werror":"stop","bootindex":0}""")
            .And.Contain("\"driver\":\"VGA\"")
            .And.NotContain("-kernel")
            .And.NotContain("-append")
            .And.NotContain("pflash");

    [Fact]
    public void Give_each_machine_UEFI_variables_of_its_own() =>
        Line(new MachineSpec { Firmware = Firmware.Uefi }, Disk with { Uefi = Ovmf })
            .Should()
            .Contain(",pflash0=firmware,pflash1=variables ")
            .And.Contain("\"bootindex\":0")
            .And.Contain(
                """{"driver":"raw","read-only":true,"file":{"driver":"file","filename":"/ovmf/code","read-only":true},"node-name":"firmware"}"""
            )
            .And.Contain(
                """{"driver":"qcow2","read-only":false,"file":{"driver":"file","filename":"variables.qcow2","read-only":false},"backing":null,"node-name":"variables"}"""
            );

    [Fact]
    public void Lay_variables_and_disks_on_the_templates_also_after_a_reboot()
    {
        var spec = new MachineSpec { Firmware = Firmware.Uefi, Disks = [new Disk(8)] };
        BootFiles restored = Disk with
        {
            Uefi = Ovmf,
            Templates = ["/t"],
            BackingDisks = ["/t/disk.qcow2", "/own/disk.raw"],
            Memory = new MemoryFile("/t/memory", Shared: false),
        };
        BootFiles rebooted = restored with { Memory = null, Reboots = true };

        Line(spec, restored).Should().Contain("-incoming defer");
        Line(spec, rebooted).Should().NotContain("-incoming").And.NotContain("/t/memory");
        foreach (string file in (string[])["disk.qcow2", "extra-0.qcow2", "variables.qcow2"])
        {
            Line(spec, restored).Should().Contain($"\"filename\":\"/t/{file}\"");
            Line(spec, rebooted).Should().Contain($"\"filename\":\"/t/{file}\"");
        }
    }

    [Fact]
    public void Are_those_of_a_machine_by_hand()
    {
        BootFiles restored = Disk with { Uefi = Ovmf, Templates = ["/t"], BackingDisks = ["/t/disk.qcow2", "/own/disk.raw"] };

        ReproScript
            .Build("qemu", new MachineSpec { Firmware = Firmware.Uefi }, restored, "m-1", Accelerator.Tcg, hasSetup: false)
            .Should()
            .Contain(
                "qemu-img create -q -f qcow2 -F raw -b /own/disk.raw disk.qcow2\nqemu-img convert -q -f raw -O qcow2 "
                    + "/ovmf/variables variables.qcow2\n"
            )
            .And.NotContain("/t/");
    }

    [Fact]
    public void Are_part_of_the_templates_key()
    {
        string Key(MachineSpec spec, BootFiles boot) => TemplateKey.Make("image", "/bin/sh", spec, boot, Accelerator.Tcg, "");
        MachineSpec uefi = new() { Firmware = Firmware.Uefi };

        string[] keys =
        [
            Key(new(), Kernel),
            Key(new(), Kernel with { LowestFormat = DiskFormat.Qcow2 }),
            Key(new() { Firmware = Firmware.Bios }, Disk),
            Key(uefi, Disk with { Uefi = Ovmf }),
            Key(uefi, Disk with { Uefi = Ovmf with { Variables = "/bin/sh" } }),
        ];

        keys.Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void Are_refused_where_the_host_has_no_UEFI_firmware() =>
        FluentActions
            .Invoking(() => UefiFirmware.Find([Ovmf]))
            .Should()
            .Throw<HostNotReadyException>()
            .Which.Message.Should()
            .Be(
                "The host lacks the UEFI firmware that a machine with Firmware = Uefi needs.\nMissing: /ovmf/code and "
                    + "/ovmf/variables  (Debian package ovmf)\n"
                    + "Try: sudo apt-get install --no-install-recommends ovmf"
            );

    private static string Line(MachineSpec spec, BootFiles boot) =>
        string.Join(' ', QemuArguments.Build(spec, boot, "m-1", Accelerator.Tcg, MachineChannels.Library));
}
