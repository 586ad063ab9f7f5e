using FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Goldens;

public sealed class ScrubberTests
{
    public static TheoryData<Scrubber, string, string> Each =>
        new()
        {
            { Scrubber.Ansi, "\u001b[1;31mred\u001b[0m 50 %\r100 %", "100 %0 %" },
            { Scrubber.KernelTimestamps, "[    0.123456] Linux\n[12345.678901][    T1] x [y]", "[{time}] Linux\n[{time}] x [y]" },
            {
                Scrubber.Dates,
                "at 2026-11-21T11:38:57.123Z, 2026-11-21 11:38:57 UTC, Sat Nov 21 11:38:57 UTC 2026, Nov  1 07:02:03, 23:59:59.9; "
                    + "1.2.3; audit(1795263399.488:1), (1795263400), 179526339",
                "at {date}, {date}, {date}, {date}, {date}; 1.2.3; audit({date}), ({date}), 179526339"
            },
            { Scrubber.Uuids, "UUID=1B4E28BA-2FA1-11D2-883F-0016D3CCA427 id 0123456789abcdef0123456789abcdef.", "UUID={uuid} id {uuid}." },
            { Scrubber.MacAddresses, "eth0: 52:54:00:12:34:56, 52-54-00-12-34-56", "eth0: {mac}, {mac}" },
            {
                Scrubber.IpAddresses,
                "inet 10.0.2.15/24 inet6 fe80::5054:ff:fe12:3456/64, ::1 and 2001:db8::1; version 6.1.0 at 11:38:57",
                "inet {ip}/24 inet6 {ip}/64, {ip} and {ip}; version 6.1.0 at 11:38:57"
            },
            {
                Scrubber.Addresses,
                "[mem 0x00000000000a0000-0x00000000000fffff] ffff888000000000 0x3f8",
                "[mem {address}-{address}] {address} 0x3f8"
            },
            {
                Scrubber.CpuModel,
                "smpboot: CPU0: AMD EPYC 7763 (family: 0x19, model: 0x1)\nmodel name\t: QEMU Virtual CPU\nCPU: 2",
                "smpboot: CPU0: {cpu}\nmodel name\t: {cpu}\nCPU: 2"
            },
            {
                Scrubber.Pids,
                "sshd[123]: Server listening, pid 77 (PID=5), array[7]",
                "sshd[{pid}]: Server listening, pid {pid} (PID={pid}), array[7]"
            },
            {
                Scrubber.Sizes,
                "Memory: 470684K/523768K available, 8192 bytes, 1.5 GiB, 3 lines",
                "Memory: {size}/{size} available, {size}, {size}, 3 lines"
            },
            {
                Scrubber.Durations,
                "in 123 usecs, 2445.404 MHz, took 1.5s, 3 times, lpj=10377360",
                "in {duration}, {duration}, took {duration}, 3 times, lpj={duration}"
            },
            { Scrubber.Pattern("build", "^build-[0-9]+"), "build-7\nno build-7\nbuild-8", "{build}\nno build-7\n{build}" },
            { Scrubber.Function("upper", text => text.ToUpperInvariant()), "a", "A" },
        };

    [Theory, MemberData(nameof(Each))]
    public void Replaces_what_differs_from_run_to_run_and_nothing_else(Scrubber scrubber, string text, string scrubbed)
    {
        scrubber.Apply(text).Should().Be(scrubbed);
        scrubber.Apply(scrubbed).Should().Be(scrubbed, "twice is as once");
    }

    [Fact]
    public void All_together_leave_the_words()
    {
        string text =
            "[    1.234567] smpboot: CPU0: AMD EPYC\n[    2.000000] virtio_net virtio0 eth0: 52:54:00:12:34:56 up at 0xfee00000 "
            + "in 12 ms\nNov 21 11:38:57 debian sshd[321]: Server listening on 10.0.2.15 port 22.\n";

        Scrubber
            .All.Aggregate(text, (current, scrubber) => scrubber.Apply(current))
            .Should()
            .Be(
                "[{time}] smpboot: CPU0: {cpu}\n[{time}] virtio_net virtio0 eth0: {mac} up at {address} in {duration}\n{date} "
                    + "debian sshd[{pid}]: Server listening on {ip} port 22.\n"
            );
    }
}
