using FluentAssertions;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class AcceleratorProofReadTests
{
    private const string AllSteps = "probe:32-bit mode\nprobe:64-bit mode\nprobe:second address space\n";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1.8);

    [Fact]
    public void Takes_the_ticks_of_a_guest_that_did_everything_right()
    {
        AcceleratorProof
            .Read($"qemu: warning: x\n{AllSteps}probe:ticks 0000000010106e40\n", 33, Limit)
            .Should()
            .Be(new AcceleratorProof(null, 0x10106e40));
    }

    [Theory]
    [InlineData(
        134,
        "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\nqemu: Assertion failed.\n",
        "QEMU ended (QEMU: qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69)"
    )]
    [InlineData(
        null,
        "qemu: warning: no pni\nprobe:32-bit mode\nprobe:64-bit mode\nKVM internal error. Suberror: 1\n",
        "a probe guest hung after its step '64-bit mode' and was killed after 1.8 s (QEMU: KVM internal error. Suberror: 1)"
    )]
    [InlineData(null, "", "a probe guest hung before its first step and was killed after 1.8 s")]
    [InlineData(
        null,
        AllSteps + "probe:ticks 0000000010106e40\n",
        "a probe guest hung after its step 'ticks 0000000010106e40' and was killed after 1.8 s"
    )]
    [InlineData(
        35,
        "probe:32-bit mode\nprobe:64-bit mode\nprobe:a wrong result\n",
        "a probe guest got a wrong result after its step '64-bit mode'"
    )]
    [InlineData(0, "probe:32-bit mode\n", "a probe guest crashed after its step '32-bit mode'")]
    [InlineData(139, "probe:32-bit mode\n", "QEMU ended with exit code 139 after its step '32-bit mode'")]
    [InlineData(33, "probe:32-bit mode\nprobe:ticks zero\n", "QEMU ended with exit code 33 after its step 'ticks zero'")]
    [InlineData(127, "", "QEMU ended with exit code 127 before its first step")]
    public void Says_in_one_line_how_far_it_came_and_what_QEMU_said(int? exitCode, string output, string expected)
    {
        var proof = AcceleratorProof.Read(output, exitCode, Limit);

        proof.Fault.Should().Be(expected);
        proof.Ticks.Should().Be(0);
        proof.Hung.Should().Be(exitCode is null);
    }

    [Fact]
    public void Keeps_a_bounded_part_of_what_QEMU_said()
    {
        var proof = AcceleratorProof.Read(string.Concat(Enumerable.Repeat($"{new string('x', 5000)}\n", 1000)), 1, Limit);

        proof.Fault!.Length.Should().BeLessThan(300);
        proof.Words.Length.Should().BeLessThan(3000);
    }
}
