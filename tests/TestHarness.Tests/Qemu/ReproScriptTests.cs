using FluentAssertions;
using TestHarness.Qemu;
using TestHarness.Seeds;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class ReproScriptTests
{
    [Fact]
    public void Makes_its_own_overlay_and_quotes_odd_paths()
    {
        var boot = new BootFiles
        {
            BackingDisks = ["/my images/it's, \"x\" ä.qcow2"],
            Kernel = "/k",
            Initrd = "/i",
            KernelArguments = "root=/dev/vda",
        };

        string script = ReproScript.Build(
            "qemu-system-x86_64",
            new MachineSpec { Disks = [new Disk(8)] },
            boot,
            "m-1",
            Accelerator.Tcg,
            hasSetup: false
        );

        script
            .Should()
            .StartWith("#!/bin/sh\n")
            .And.Contain("-b '/my images/it'\\''s, \"x\" ä.qcow2' disk.qcow2\n")
            .And.Contain("qemu-img create -q -f qcow2 extra-0.qcow2 8M\n")
            .And.Contain("\nqemu-system-x86_64 -nodefaults")
            .And.NotContain(".sock")
            .And.NotContain("***");
    }

    [Fact]
    public void Makes_the_disk_for_cloud_init_of_the_users_own_text()
    {
        CloudSeed seed = CloudSeed.For(
            new CloudInit { UserData = "#!/bin/sh\necho it's\n", MetaData = "instance-id: a" },
            needsAgent: true
        )!;
        var boot = new BootFiles
        {
            BackingDisks = ["/d"],
            Kernel = "/k",
            Initrd = "/i",
            KernelArguments = "",
            Seed = seed,
        };

        ReproScript
            .Build("qemu", new MachineSpec(), boot, "m-1", Accelerator.Tcg, hasSetup: false)
            .Should()
            .Contain("mkdir seed\nprintf %s '#!/bin/sh\necho it'\\''s\n' > seed/user-data\nprintf %s 'instance-id: a\n' > seed/meta-data\n")
            .And.Contain("xorriso -as mkisofs -quiet -volid CIDATA -joliet -rational-rock -output seed.iso seed\n");
    }

    [Fact]
    public void Says_that_secrets_are_missing()
    {
        var boot = new BootFiles
        {
            BackingDisks = ["/d"],
            Kernel = "/k",
            Initrd = "/i",
            KernelArguments = "",
        };

        ReproScript
            .Build("qemu", new MachineSpec { Secrets = ["s"] }, boot, "m-1", Accelerator.Tcg, hasSetup: false)
            .Should()
            .Contain("\n# Where *** stands in place of a secret, put the secret back first.\nset -eu\n");
    }
}
