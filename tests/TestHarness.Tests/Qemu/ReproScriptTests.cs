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
            .And.NotContain(".sock");
    }
}
