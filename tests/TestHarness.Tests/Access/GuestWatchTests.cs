using System.Text;
using System.Text.Json;
using FluentAssertions;
using TestHarness.Access;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Access;

public sealed class GuestWatchTests
{
    private readonly ManualTime _time = new();
    private readonly GuestWatch _watch;

    public GuestWatchTests() => _watch = new GuestWatch(() => ("/run/machine", ""), _time);

    [Fact]
    public async Task Reads_a_line_that_comes_in_pieces()
    {
        _watch.Boot();
        foreach (byte one in Encoding.UTF8.GetBytes("noise\r\n[    1.5] Kernel panic - not syncing: in pieces\r\n"))
            _watch.SeeSerial([one]);

        (await _watch.Trouble).Should().BeTrue();
        (await JudgeAsync()).Text.Should().Be("the guest's kernel panicked: in pieces");
    }

    [Fact]
    public async Task Names_the_cause_and_not_what_followed_from_it()
    {
        _watch.Boot();
        _watch.See(Event("RESET", """{"guest":true,"reason":"guest-reset"}"""));
        _watch.See(Event("GUEST_PANICKED", """{"action":"run"}"""));
        See("testharness: no root device /dev/nope\r\nKernel panic - not syncing: Attempted to kill init!\r\n");

        (await JudgeAsync()).Fault.Should().Be(MachineFault.NoRootDevice);
    }

    [Fact]
    public async Task Names_the_memory_and_not_what_was_lost_for_want_of_it()
    {
        _watch.Boot();
        See(
            "Initramfs unpacking failed: write error\r\nOut of memory: Killed process 1 (init)\r\nKernel panic - not syncing: "
                + "VFS: Unable to mount root fs\r\n"
        );

        (await JudgeAsync()).Fault.Should().Be(MachineFault.GuestOutOfMemory);
        _watch.MemoryWords.Should().Be("Out of memory: Killed process 1 (init)");
        _watch.Boot();
        _watch.MemoryWords.Should().BeNull();
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

    [Fact]
    public void Tells_a_guest_that_resets_itself_again_and_again()
    {
        See("hello\r\n");
        GuestTrouble?[] judged = [.. Enumerable.Range(0, 15).Select(_ => Reset(TimeSpan.FromSeconds(1)))];

        judged[..14].Should().AllSatisfy(trouble => trouble.Should().BeNull());
        judged[14]!.Fault.Should().Be(MachineFault.BootLoop);
        judged[14]!
            .Text.Should()
            .Be("the guest resets itself again and again: 15 times within 14.0 s; the last line on its serial console is \"hello\"");
    }

    [Fact]
    public void Takes_no_slow_resets_or_such_with_a_guest_that_was_up_between_for_a_loop()
    {
        for (int i = 0; i < 100; i++)
            Reset(TimeSpan.FromSeconds(5)).Should().BeNull();
        _watch.Up();
        for (int i = 0; i < 100; i++)
        {
            Reset(TimeSpan.FromSeconds(1)).Should().BeNull();
            if (i % 10 == 9)
                _watch.Up();
        }
    }

    [Fact]
    public async Task Tells_a_BIOS_that_starts_the_disk_again_and_again()
    {
        _watch.Boot();
        for (int i = 0; i < 15; i++)
            See("Booting from Hard Disk...\r\n");

        GuestTrouble trouble = await JudgeAsync();
        trouble.Fault.Should().Be(MachineFault.BootLoop);
        trouble
            .Text.Should()
            .StartWith("the firmware starts the disk again and again, whose boot sector gives it back (int 19h): 15 times within 0.0 s");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Minds_the_BIOS_of_a_guest_that_is_up_only_where_nothing_says_that_it_is(bool alwaysBoots)
    {
        var watch = new GuestWatch(() => ("", ""), _time) { AlwaysBoots = alwaysBoots };
        var troubles = new List<MachineFault>();
        watch.Troubled += trouble => troubles.Add(trouble.Fault);
        watch.Boot();
        watch.Up();
        for (int i = 0; i < 15; i++)
            watch.SeeSerial("Booting from Hard Disk...\r\n"u8);

        troubles.Should().HaveCount(alwaysBoots ? 1 : 0);
    }

    private async Task<GuestTrouble> JudgeAsync()
    {
        Task<GuestTrouble?> judged = _watch.JudgeAsync();
        // The console is quiet by then.
        _time.Advance(TimeSpan.FromSeconds(1));
        return (await judged)!;
    }

    private GuestTrouble? Reset(TimeSpan after)
    {
        GuestTrouble? trouble = _watch.JudgeReset(Event("RESET", """{"guest":true,"reason":"guest-reset"}"""));
        _time.Advance(after);
        return trouble;
    }

    private static QmpEvent Event(string name, string data) => new(name, JsonDocument.Parse(data).RootElement);

    private void See(string text) => _watch.SeeSerial(Encoding.UTF8.GetBytes(text));
}
