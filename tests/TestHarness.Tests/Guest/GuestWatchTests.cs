using System.Text;
using System.Text.Json;
using FluentAssertions;
using TestHarness.Guest;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Guest;

public sealed class GuestWatchTests
{
    private readonly GuestWatch _watch = new(() => ("/run/machine", ""));

    [Fact]
    public async Task Reads_a_line_that_comes_in_pieces()
    {
        _watch.Boot();
        foreach (byte one in Encoding.UTF8.GetBytes("noise\r\n[    1.5] Kernel panic - not syncing: in pieces\r\n"))
            _watch.SeeSerial([one]);

        (await _watch.Trouble).Should().BeTrue();
        (await _watch.JudgeAsync())!.Text.Should().Be("the guest's kernel panicked: in pieces");
    }

    [Fact]
    public async Task Names_the_cause_and_not_what_followed_from_it()
    {
        _watch.Boot();
        _watch.See(Event("RESET", """{"guest":true,"reason":"guest-reset"}"""));
        _watch.See(Event("GUEST_PANICKED", """{"action":"run"}"""));
        See("testharness: no root device /dev/nope\r\nKernel panic - not syncing: Attempted to kill init!\r\n");

        (await _watch.JudgeAsync())!.Fault.Should().Be(MachineFault.NoRootDevice);
    }

    [Fact]
    public async Task Forgets_the_signs_of_the_boot_before()
    {
        _watch.Boot();
        See("(initramfs) ");
        _watch.Boot();

        _watch.Trouble.IsCompleted.Should().BeFalse();
        _watch.Up();
        (await _watch.Trouble).Should().BeFalse();
    }

    [Fact]
    public void Minds_nothing_but_panics_in_a_guest_that_is_up()
    {
        var troubles = new List<MachineFault>();
        _watch.Troubled += trouble => troubles.Add(trouble.Fault);
        _watch.Boot();
        _watch.Up();

        See("(initramfs) \r\nNo bootable device.\r\nKernel panic - not syncing: x\r\n");

        troubles.Should().Equal(MachineFault.KernelPanic);
    }

    [Fact]
    public void Stays_small_when_a_line_never_ends()
    {
        _watch.Boot();
        var chunk = new byte[64 * 1024];
        Array.Fill(chunk, (byte)'x');
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1600; i++)
            _watch.SeeSerial(chunk);

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(1024 * 1024, "100 MB went by");
        See("\r\nKernel panic - not syncing: after it\r\n");
        _watch.Trouble.IsCompleted.Should().BeTrue();
    }

    private static QmpEvent Event(string name, string data) => new(name, JsonDocument.Parse(data).RootElement);

    private void See(string text) => _watch.SeeSerial(Encoding.UTF8.GetBytes(text));
}
