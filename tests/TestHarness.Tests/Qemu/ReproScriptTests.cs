using FluentAssertions;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class ReproScriptTests
{
    [Fact]
    public void Makes_its_own_overlay_and_quotes_odd_paths()
    {
        var boot = new BootFiles { BackingDisks = ["/my images/it's, \"x\" ä.qcow2"], Kernel = "/k", Initrd = "/i", KernelArguments = "root=/dev/vda" };

        string script = ReproScript.Build("qemu-system-x86_64", new MachineSpec { Disks = [new Disk(8)] }, boot, "m-1", Accelerator.Tcg);

        script.Should().StartWith("#!/bin/sh\n")
            .And.Contain("-b '/my images/it'\\''s, \"x\" ä.qcow2' disk.qcow2\n")
            .And.Contain("qemu-img create -q -f qcow2 extra-0.qcow2 8M\n")
            .And.Contain("\nqemu-system-x86_64 -nodefaults")
            .And.NotContain(".sock").And.NotContain("***");
    }

    [Fact]
    public void Says_that_secrets_are_missing()
    {
        var boot = new BootFiles { BackingDisks = ["/d"], Kernel = "/k", Initrd = "/i", KernelArguments = "" };

        ReproScript.Build("qemu", new MachineSpec { Secrets = ["s"] }, boot, "m-1", Accelerator.Tcg).Should()
            .Contain("\n# Where *** stands in place of a secret, put the secret back first.\nset -eu\n");
    }
}
