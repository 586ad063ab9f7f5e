using FluentAssertions;
using TestHarness.Qemu;
using TestHarness.Seeds;
using TestHarness.Templates;
using Xunit;

namespace TestHarness.Tests.Templates;

public sealed class TemplateKeyTests
{
    private static readonly BootFiles Boot = new()
    {
        BackingDisks = ["/cache/disk.qcow2"],
        Kernel = "/cache/vmlinux",
        Initrd = "/cache/initrd",
        KernelArguments = "root=/dev/vda",
    };

    [Fact]
    public void Is_the_same_for_what_is_one_machines_own()
    {
        Key(
                new MachineSpec
                {
                    Hostname = "a",
                    PortForwards = [new PortForward(22)],
                    Spares = 2,
                }
            )
            .Should()
            .Be(Key(new MachineSpec()));
    }

    [Fact]
    public void Is_the_same_for_what_was_found_out_about_the_host()
    {
        string Found(BootFiles boot) => TemplateKey.Make("image", "/bin/sh", new MachineSpec(), boot, Accelerator.Tcg, "");

        Found(Boot with { FileIo = new FileIo("io_uring", null), MeasuredArguments = () => "tsc_early_khz=2500000" })
            .Should()
            .Be(Found(Boot));
    }

    [Fact]
    public void Is_another_for_everything_that_the_saved_machine_depends_on()
    {
        string[] keys =
        [
            Key(new MachineSpec()),
            Key(new MachineSpec { MemoryMiB = 768 }),
            Key(new MachineSpec { Cpus = 2 }),
            Key(new MachineSpec { Display = Display.None }),
            Key(new MachineSpec { KernelArguments = "quiet" }),
            Key(new MachineSpec { Disks = [new Disk(10)] }),
            Key(new MachineSpec { Disks = [new Disk(20)] }),
            Key(new MachineSpec { ExtraQemuArguments = ["-device", "virtio-balloon-pci"] }),
            Key(new MachineSpec { Network = NetworkMode.None }),
            Key(new MachineSpec(), image: "another"),
            Key(new MachineSpec(), program: "/bin/true"),
            Key(new MachineSpec(), processor: "model name: another"),
        ];

        keys =
        [
            .. keys,
            Key(new MachineSpec(), cloudInit: new CloudInit()),
            Key(new MachineSpec(), cloudInit: new CloudInit { Packages = ["jq"] }),
        ];
        keys.Should().OnlyHaveUniqueItems();
    }

    private static string Key(
        MachineSpec spec,
        string image = "image",
        string program = "/bin/sh",
        string processor = "",
        CloudInit? cloudInit = null
    ) =>
        TemplateKey.Make(
            image,
            program,
            spec,
            Boot with
            {
                Seed = CloudSeed.For(cloudInit, needsAgent: false),
            },
            Accelerator.Tcg,
            processor
        );
}
