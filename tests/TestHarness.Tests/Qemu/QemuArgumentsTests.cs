using System.Text.Json;
using FluentAssertions;
using FsCheck;
using FsCheck.Fluent;
using TestHarness.Qemu;
using TestHarness.Seeds;
using Xunit;

namespace TestHarness.Tests.Qemu;

[Fault(
    "A busy host lets an emulated timer tick late while the guest boots.",
    "The guest does not panic (`no_timer_check`). Its clock does not run too fast (`tsc_early_khz`).",
    "StartTests"
)]
public sealed class QemuArgumentsTests
{
    private static readonly BootFiles Boot = new()
    {
        BackingDisks = ["/cache/tiny/disk.qcow2"],
        Kernel = "/cache/tiny/vmlinux",
        Initrd = "/cache/tiny/initrd",
        KernelArguments = "root=/dev/vda rw",
    };

    [Theory]
    [InlineData(Accelerator.Tcg, "root=/dev/vda rw norandmaps no_timer_check quiet console=tty0 console=ttyS0")]
    [InlineData(Accelerator.Kvm, "root=/dev/vda rw quiet console=tty0 console=ttyS0")]
    public void Tells_the_kernel_what_it_needs_under_an_emulator_and_only_there(Accelerator accelerator, string append) =>
        QemuArguments
            .Build(new MachineSpec { KernelArguments = "quiet" }, Boot, "m-1", accelerator, MachineChannels.Library)
            .Should()
            .ContainInConsecutiveOrder("-append", append);

    [Fact]
    public void Measures_only_for_a_kernel_that_is_booted()
    {
        int measured = 0;
        BootFiles boot = Boot with
        {
            MeasuredArguments = () =>
            {
                measured++;
                return "tsc_early_khz=2596103";
            },
        };

        Build(boot with { Memory = new MemoryFile("/t/memory", Shared: false), Templates = ["/t"] }).Should().NotContain("-append");
        measured.Should().Be(0);
        Build(boot)
            .Should()
            .ContainInConsecutiveOrder(
                "-append",
                "root=/dev/vda rw norandmaps no_timer_check tsc_early_khz=2596103 console=tty0 console=ttyS0"
            );

        static IReadOnlyList<string> Build(BootFiles boot) =>
            QemuArguments.Build(new MachineSpec(), boot, "m-1", Accelerator.Tcg, MachineChannels.Library);
    }

    [Fact]
    public void Has_every_disks_file_read_as_was_proved_to_work()
    {
        string line = string.Join(
            ' ',
            QemuArguments.Build(
                new MachineSpec { Disks = [new Disk(64)] },
                Boot with
                {
                    FileIo = new FileIo("io_uring", null),
                },
                "m-1",
                Accelerator.Tcg,
                MachineChannels.Library
            )
        );

        line.Split("\"driver\":\"file\"")
            .Should()
            .HaveCount(4)
            .And.OnlyContain(part =>
                part.Contains("-nodefaults", StringComparison.Ordinal) || part.Contains("\"aio\":\"io_uring\"", StringComparison.Ordinal)
            );
    }

    [Fact]
    public void Boots_the_kernel_directly_from_an_overlay()
    {
        string line = Line(new MachineSpec());

        line.Should()
            .Contain("-machine q35")
            .And.Contain("-kernel /cache/tiny/vmlinux -initrd /cache/tiny/initrd")
            .And.Contain("-append root=/dev/vda rw norandmaps no_timer_check console=tty0 console=ttyS0")
            .And.Contain(
                """
                {"driver":"qcow2","read-only":false,"file":{"driver":"file","filename":"disk.qcow2","read-only":false},"backing":{"driver":"qcow2","read-only":true,"file":{"driver":"file","filename":"/cache/tiny/disk.qcow2","read-only":true},"backing":null}
                """
            )
            .And.Contain("""{"driver":"virtio-blk-pci","drive":"disk0","rerror":"stop","werror":"stop"}""");
    }

    [Fact]
    public void Reaches_nothing_outside_by_default()
    {
        string line = Line(new MachineSpec());

        line.Should()
            .Contain("""{"type":"user","id":"net0","restrict":true}""")
            .And.Contain("-nodefaults -no-user-config")
            .And.Contain("-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    }

    [Fact]
    public void Reaches_outside_only_when_asked_to() =>
        Line(new MachineSpec { Network = NetworkMode.Internet }).Should().Contain("""{"type":"user","id":"net0","restrict":false}""");

    [Fact]
    public void Leaves_forwards_to_the_running_machine_and_names_them_by_hand()
    {
        var spec = new MachineSpec
        {
            PortForwards = [new PortForward(22), new PortForward(53) { Protocol = ForwardProtocol.Udp, HostPort = 5353 }],
        };

        Line(spec).Should().NotContain("hostfwd");
        string.Join(' ', QemuArguments.Build(spec, Boot, "m-1", Accelerator.Tcg, MachineChannels.Terminal))
            .Should()
            .Contain("""[{"str":"tcp:127.0.0.1:0-:22"},{"str":"udp:127.0.0.1:5353-:53"}]""");
    }

    [Fact]
    public void Keeps_the_memory_in_a_shared_file_while_a_template_is_made() =>
        string.Join(' ', Build(Boot with { Memory = new MemoryFile("/t/memory", Shared: true) }))
            .Should()
            .Contain("""{"qom-type":"memory-backend-file","id":"ram","size":536870912,"mem-path":"/t/memory","share":true}""")
            .And.Contain("-kernel")
            .And.NotContain("-incoming");

    [Fact]
    public void Restores_without_a_kernel_on_a_private_copy_of_the_memory()
    {
        BootFiles restored = Boot with
        {
            Memory = new MemoryFile("/t/memory", Shared: false),
            Templates = ["/t"],
            BackingDisks = ["/t/disk.qcow2", "/cache/tiny/disk.qcow2"],
        };

        string line = string.Join(' ', Build(restored));

        line.Should()
            .Contain("\"share\":false")
            .And.Contain("-incoming defer")
            .And.Contain("-action reboot=shutdown")
            .And.NotContain("-kernel")
            .And.Contain(
                """
                "backing":{"driver":"qcow2","read-only":true,"file":{"driver":"file","filename":"/t/disk.qcow2","read-only":true},"backing":{"driver":"qcow2","read-only":true,"file":{"driver":"file","filename":"/cache/tiny/disk.qcow2","read-only":true},"backing":null}}
                """
            );
    }

    [Fact]
    public void Restores_with_the_devices_that_were_saved()
    {
        BootFiles made = Boot with { Memory = new MemoryFile("/t/memory", Shared: true) };
        BootFiles restored = made with { Memory = new MemoryFile("/t/memory", Shared: false), Templates = ["/t"] };

        IEnumerable<string> Devices(BootFiles boot) =>
            Build(boot).SkipWhile(argument => argument != "-device").Where(argument => !argument.Contains("backing"));
        Devices(restored).Should().Equal(Devices(made));
    }

    [Fact]
    public void Has_no_card_when_the_network_is_none() =>
        Line(new MachineSpec { Network = NetworkMode.None }).Should().NotContain("netdev").And.NotContain("virtio-net");

    [Fact]
    public void Uses_devices_without_a_bus_on_microvm() =>
        Line(new MachineSpec { Type = MachineType.Microvm })
            .Should()
            .Contain("-machine microvm")
            .And.Contain("virtio-blk-device")
            .And.Contain("virtio-serial-device")
            .And.Contain("virtio-net-device")
            .And.NotContain("-pci")
            .And.NotContain("VGA")
            .And.NotContain("tty0");

    [Fact]
    public void Adds_a_device_for_each_disk()
    {
        string line = Line(new MachineSpec { Disks = [new Disk(64), new Disk(128)] });

        line.Should()
            .Contain("\"filename\":\"extra-0.qcow2\"")
            .And.Contain("\"filename\":\"extra-1.qcow2\"")
            .And.Contain("\"drive\":\"disk2\"");
    }

    [Fact]
    public void Adds_the_disk_for_cloud_init_last_read_only_and_in_a_stated_format()
    {
        BootFiles seeded = Boot with { Seed = CloudSeed.For(new CloudInit(), needsAgent: false) };

        Build(seeded)
            .Should()
            .Equal([
                .. Build(Boot),
                "-blockdev",
                """{"driver":"raw","read-only":true,"file":{"driver":"file","filename":"seed.iso","read-only":true},"node-name":"seed"}""",
                "-device",
                """{"driver":"virtio-blk-pci","drive":"seed","rerror":"stop","werror":"stop"}""",
            ]);
    }

    [Fact]
    public void Ends_with_the_callers_own_arguments() =>
        QemuArguments
            .Build(new MachineSpec { ExtraQemuArguments = ["-device", "a,b=c d"] }, Boot, "m-1", Accelerator.Tcg, MachineChannels.Library)
            .TakeLast(2)
            .Should()
            .Equal("-device", "a,b=c d");

    [Fact]
    public void Is_the_same_machine_by_hand_but_for_the_channels()
    {
        var spec = new MachineSpec { Cpus = 2, Disks = [new Disk(64)] };
        var library = QemuArguments.Build(spec, Boot, "m-1", Accelerator.Tcg, MachineChannels.Library);
        var terminal = QemuArguments.Build(spec, Boot, "m-1", Accelerator.Tcg, MachineChannels.Terminal);

        library
            .Except(terminal)
            .Should()
            .OnlyContain(argument =>
                argument == "-S" || argument.Contains("path=") || argument.Contains("monitor") || argument.Contains("net0")
            );
    }

    [Fact]
    public void Passes_any_path_on_literally() =>
        Check.QuickThrowOnFailure(
            Prop.ForAll<NonEmptyString>(text =>
            {
                // A zero byte ends a file name for the kernel, and a lone surrogate is no character: neither can be in a path.
                string path = "/" + new string([.. text.Get.Where(character => character != '\0' && !char.IsSurrogate(character))]);
                IReadOnlyList<string> arguments = QemuArguments.Build(
                    new MachineSpec(),
                    Boot with
                    {
                        BackingDisks = [path],
                        Kernel = path,
                    },
                    "m-1",
                    Accelerator.Tcg,
                    MachineChannels.Library
                );
                string blockdev = arguments[arguments.ToList().IndexOf("-blockdev") + 1];
                using JsonDocument json = JsonDocument.Parse(blockdev);
                return json.RootElement.GetProperty("backing").GetProperty("file").GetProperty("filename").GetString() == path
                    && arguments[arguments.ToList().IndexOf("-kernel") + 1] == path;
            })
        );

    private static IReadOnlyList<string> Build(BootFiles boot) =>
        QemuArguments.Build(new MachineSpec(), boot, "m-1", Accelerator.Tcg, MachineChannels.Library);

    private static string Line(MachineSpec spec) =>
        string.Join(' ', QemuArguments.Build(spec, Boot, "m-1", Accelerator.Tcg, MachineChannels.Library));
}
