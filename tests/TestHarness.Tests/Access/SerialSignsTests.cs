using FluentAssertions;
using TestHarness.Access;
using Xunit;

namespace TestHarness.Tests.Access;

public sealed class SerialSignsTests
{
    [Theory]
    [InlineData("[    3.204] Kernel panic - not syncing: sysrq triggered crash", MachineFault.KernelPanic)]
    [InlineData("[    3.204512][    T1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100", MachineFault.KernelPanic)]
    [InlineData("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r", MachineFault.NoRootDevice)]
    [InlineData("[    1.516114] Kernel panic - not syncing: System is deadlocked on memory", MachineFault.GuestOutOfMemory)]
    [InlineData("Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled", MachineFault.GuestOutOfMemory)]
    [InlineData("[    1.2] Initramfs unpacking failed: write error", MachineFault.GuestOutOfMemory)]
    [InlineData("ALERT!  UUID=1234 does not exist.  Dropping to a shell!", MachineFault.NoRootDevice)]
    [InlineData("Gave up waiting for root file system device.  Common problems:", MachineFault.NoRootDevice)]
    [InlineData("testharness: no root device /dev/nope", MachineFault.NoRootDevice)]
    [InlineData("(initramfs) ", MachineFault.InitramfsShell)]
    [InlineData("dracut:/# ", MachineFault.InitramfsShell)]
    [InlineData("You are in emergency mode. After logging in, type \"journalctl -xb\" to view", MachineFault.EmergencyShell)]
    [InlineData("Give root password for maintenance", MachineFault.EmergencyShell)]
    [InlineData("Cannot open access to console, the root account is locked.", MachineFault.EmergencyShell)]
    [InlineData("grub rescue> ", MachineFault.NothingToBoot)]
    [InlineData("No bootable device.", MachineFault.NothingToBoot)]
    public void Knows_what_a_failed_boot_writes(string line, MachineFault fault) => SerialSigns.Judge(line)!.Fault.Should().Be(fault);

    [Theory]
    [InlineData("")]
    [InlineData("my test says: Kernel panic - not syncing: not at the start of the line")]
    [InlineData("[  OK  ] Reached target emergency.target - Emergency Mode.")]
    [InlineData("[    0.000000] Kernel command line: root=/dev/vda panic=-1")]
    [InlineData("Begin: Waiting for root file system ... done.")]
    [InlineData("tiny login: ")]
    public void Lets_the_rest_pass(string line) => SerialSigns.Judge(line).Should().BeNull();

    [Theory]
    [InlineData(
        "[    9.5] Out of memory: Killed process 87 (udevd) total-vm:9000kB",
        "Out of memory: Killed process 87 (udevd) total-vm:9000kB"
    )]
    [InlineData("[    9.5] oom_reaper: reaped process 87 (udevd)", null)]
    public void Knows_a_program_that_was_ended_for_want_of_memory(string line, string? words)
    {
        SerialSigns.FindKill(line).Should().Be(words);
        SerialSigns.Judge(line).Should().BeNull("that alone fails no boot");
    }

    [Theory]
    [InlineData("debian-12 login: ", true)]
    [InlineData("\rtiny login: ", true)]
    [InlineData("tiny login: [    2.859173] ACPI: bus type drm_connector registered", true)]
    [InlineData("login: ", false)]
    [InlineData("[  OK  ] Started serial-getty login: yes", false)]
    public void Knows_a_login_prompt(string line, bool prompt) => SerialSigns.IsLoginPrompt(line).Should().Be(prompt);
}
