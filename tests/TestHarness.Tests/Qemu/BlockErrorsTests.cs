using System.Text.Json;
using FluentAssertions;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class BlockErrorsTests
{
    [Theory]
    [InlineData(
        "BLOCK_IO_ERROR",
        """{"device":"","node-name":"disk0","operation":"write","action":"stop","nospace":true,"reason":"No space left on device"}""",
        "host disk full at /run/m/1: there was no room for what the guest wrote to disk0, so QEMU stopped the machine"
    )]
    [InlineData(
        "BLOCK_IO_ERROR",
        """{"device":"","node-name":"disk0","operation":"write","action":"stop","nospace":false,"reason":"File too large"}""",
        "host disk full at /run/m/1: there was no room for what the guest wrote to disk0 (File too large), so QEMU stopped the machine"
    )]
    [InlineData(
        "BLOCK_IO_ERROR",
        """{"device":"","node-name":"disk0","operation":"read","action":"stop","nospace":false,"reason":"Input/output error"}""",
        "host disk failed at /run/m/1, on '/images/disk.raw': the guest's read of disk0 ended with \"Input/output error\", so "
            + "QEMU stopped the machine"
    )]
    [InlineData(
        "BLOCK_IO_ERROR",
        """{"device":"","node-name":"disk0","operation":"write","action":"stop","nospace":false,"reason":"Input/output error"}""",
        "host disk failed at /run/m/1: the guest's write of disk0 ended with \"Input/output error\", so QEMU stopped the machine"
    )]
    [InlineData(
        "BLOCK_IMAGE_CORRUPTED",
        """{"device":"","node-name":"disk0","msg":"L2 table offset 0x2a2a2a00 unaligned","fatal":true}""",
        "the disk disk0 at /run/m/1 is damaged: L2 table offset 0x2a2a2a00 unaligned"
    )]
    [InlineData("BLOCK_IMAGE_CORRUPTED", """{"device":"virtio0"}""", "the disk virtio0 at /run/m/1 is damaged: QEMU does not say how")]
    public void Says_what_happened(string name, string data, string expected)
    {
        Describe(name, data)?.Text.Should().Be(expected);
        Describe(name, data)
            ?.Fault.Should()
            .Be(expected.StartsWith("host disk full", StringComparison.Ordinal) ? MachineFault.HostDiskFull : MachineFault.HostDiskFailed);
    }

    // What a test injects on purpose is told the guest.
    [Theory]
    [InlineData("BLOCK_IO_ERROR", """{"node-name":"disk0","operation":"read","action":"report","reason":"Input/output error"}""")]
    [InlineData("BLOCK_IO_ERROR", """{"node-name":"disk0","operation":"write","action":"report","reason":"File too large"}""")]
    [InlineData("BLOCK_IO_ERROR", """{"node-name":"disk0","operation":"write","action":"report","nospace":true}""")]
    [InlineData("BLOCK_IO_ERROR", """{"node-name":"disk0","operation":"write","action":"ignore"}""")]
    [InlineData("BLOCK_IO_ERROR", """{"node-name":"disk0","operation":"write","action":"ignore","reason":"File too large"}""")]
    [InlineData("BLOCK_IO_ERROR", """{"action":7}""")]
    [InlineData("BLOCK_IO_ERROR", "[]")]
    [InlineData("BLOCK_IO_ERROR", "\"stop\"")]
    [InlineData("BLOCK_JOB_COMPLETED", """{"action":"stop","nospace":true}""")]
    [InlineData("STOP", "{}")]
    public void Says_nothing_of_what_is_no_failure_of_the_host(string name, string data) => Describe(name, data).Should().BeNull();

    [Fact]
    public void Says_nothing_of_an_event_without_data() => BlockErrors.Describe("BLOCK_IO_ERROR", default, "/f", "").Should().BeNull();

    [Fact]
    public void Is_short_whatever_QEMU_says() =>
        Describe("BLOCK_IMAGE_CORRUPTED", $$"""{"node-name":"disk0","msg":"{{new string('x', 100_000)}}"}""")!
            .Value.Text.Length.Should()
            .BeLessThan(500);

    private static (MachineFault Fault, string Text)? Describe(string name, string data)
    {
        using JsonDocument document = JsonDocument.Parse(data);
        return BlockErrors.Describe(name, document.RootElement, "/run/m/1", "'/images/disk.raw'");
    }
}
