using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>Guests that do not come up, each for a real reason. What fails them is named, soon after it shows.</summary>
[Fault(
    "There is no root device, or the initrd is broken. An init ends. There is an emergency or initramfs shell, or a "
        + "login prompt without an agent. The guest resets or powers off while it boots. A watchdog is starved. A guest "
        + "stands still or spins. A kernel halts without any message.",
    "`MachineStartException` comes with its `Fault`, two seconds after the sign.",
    "SerialSignsTests"
)]
public sealed class BootVerdictTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(2);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Over five seconds in every run: each row is a boot.
    [Theory]
    [InlineData("root=/dev/nope panic=-1", "no root device /dev/nope", MachineFault.NoRootDevice, "found no root device")]
    [InlineData(
        "init=/bin/false",
        "Kernel panic - not syncing",
        MachineFault.KernelPanic,
        "the guest's kernel panicked: Attempted to kill init!"
    )]
    [InlineData(
        """init=/bin/sh -- -c "echo -n '(initramfs) '; cat" """,
        "\n(initramfs)",
        MachineFault.InitramfsShell,
        "opened a shell on the console"
    )]
    [InlineData("""init=/bin/sh -- -c "poweroff -f" """, "Power down", MachineFault.GuestPowerOff, "the guest powered itself off")]
    [InlineData("""init=/bin/sh -- -c "reboot -f" """, "Restarting system", MachineFault.GuestReset, "the guest reset itself")]
    public async Task Names_what_went_wrong_in_the_guest(string arguments, string sign, MachineFault fault, string text)
    {
        MachineStartException thrown = await FailAsync(new MachineSpec { KernelArguments = arguments }, sign);

        thrown.Fault.Should().Be(fault);
        thrown.Summary.Should().Contain("did not start: ").And.Contain(text);
        thrown.Message.Should().Contain("Serial log (last");
    }

    [Fact]
    public async Task Tells_a_broken_initrd_by_the_root_device_that_is_not_found()
    {
        string initrd = $"/var/tmp/testharness-initrd-{Environment.ProcessId}";
        await File.WriteAllTextAsync(initrd, "no initramfs", Token);
        try
        {
            MachineStartException thrown = await FailAsync(
                new MachineSpec { ExtraQemuArguments = ["-initrd", initrd] },
                "Unable to mount root fs"
            );

            thrown.Fault.Should().Be(MachineFault.NoRootDevice);
            thrown.Summary.Should().Contain("Unable to mount root fs");
        }
        finally
        {
            File.Delete(initrd);
        }
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Recognises_an_emergency_shell()
    {
        var spec = new MachineSpec { Image = "debian-12", KernelArguments = "systemd.unit=emergency.target" };

        MachineStartException thrown = await FailAsync(spec, "You are in emergency mode");

        thrown.Fault.Should().Be(MachineFault.EmergencyShell);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Says_that_a_guest_stands_still_and_waits_for_something()
    {
        var spec = new MachineSpec { KernelArguments = "init=/bin/cat", NoProgressTimeout = TimeSpan.FromSeconds(4) };

        MachineStartException thrown = await FailAsync(spec, sign: null);

        thrown.Fault.Should().Be(MachineFault.NoProgress);
        thrown.Summary.Should().MatchRegex(@"stood still for [4-9] s \(idle: QEMU used");
        thrown.Message.Should().Contain("Try: ").And.Contain("MachineSpec.NoProgressTimeout");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Says_so_of_a_kernel_that_halts_without_a_word()
    {
        string kernel = $"/var/tmp/testharness-kernel-{Guid.NewGuid():N}";
        await File.WriteAllBytesAsync(kernel, HaltingKernel(), Token);
        try
        {
            var spec = new MachineSpec { ExtraQemuArguments = ["-kernel", kernel], NoProgressTimeout = TimeSpan.FromSeconds(4) };

            MachineStartException thrown = await FailAsync(spec, sign: null);

            thrown.Fault.Should().Be(MachineFault.NoProgress);
            thrown.Summary.Should().MatchRegex(@"stood still for [4-9] s \(idle: QEMU used");
            thrown.Message.Should().Contain("a kernel that is silent may lack console=");
        }
        finally
        {
            File.Delete(kernel);
        }
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Says_that_a_guest_was_busy_when_the_time_ran_out()
    {
        var spec = new MachineSpec
        {
            KernelArguments = """init=/bin/sh -- -c "while :; do :; done" """,
            StartTimeout = TimeSpan.FromSeconds(10),
            NoProgressTimeout = TimeSpan.FromSeconds(3),
        };

        MachineStartException thrown = await FailAsync(spec, sign: null);

        thrown.Fault.Should().Be(MachineFault.Deadline);
        thrown.Summary.Should().Contain("it took more than 10 s (MachineSpec.StartTimeout); it was busy: QEMU used");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Says_that_a_login_prompt_is_no_way_in()
    {
        var spec = new MachineSpec
        {
            KernelArguments = """init=/bin/sh -- -c "echo; echo -n 'guest login: '; cat" """,
            NoProgressTimeout = TimeSpan.FromSeconds(4),
        };

        MachineStartException thrown = await FailAsync(spec, sign: null);

        thrown.Fault.Should().Be(MachineFault.NoWayIn);
        thrown.Summary.Should().MatchRegex("has shown a login prompt for [4-9] s, but no agent in it answers");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Notices_a_watchdog_that_is_starved()
    {
        // Closing the device without the magic 'V' leaves the watchdog running (watchdog-api.rst).
        const string Starve = "mount -t proc proc /proc; modprobe i6300esb heartbeat=2; echo 1 > /dev/watchdog; echo starving; cat";
        var spec = new MachineSpec
        {
            KernelArguments = $"init=/bin/sh -- -c \"{Starve}\"",
            ExtraQemuArguments = ["-device", "i6300esb", "-action", "watchdog=pause"],
        };

        MachineStartException thrown = await FailAsync(spec, sign: null);

        thrown.Fault.Should().Be(MachineFault.WatchdogFired);
        thrown.Summary.Should().Contain("watchdog fired (action: pause)");
    }

    // cli; hlt, loaded to 1 MiB: the header of a file without a format of its own (multiboot 0.6.96, 3.1.3 "The address fields").
    private static byte[] HaltingKernel()
    {
        const uint Magic = 0x1BADB002,
            HasAddresses = 1 << 16,
            Load = 0x100000,
            Entry = Load + 32,
            End = Entry + 4;
        uint[] header = [Magic, HasAddresses, unchecked(0 - Magic - HasAddresses), Load, Load, End, End, Entry];
        // QEMU reads 8 KiB to find it.
        return [.. header.SelectMany(BitConverter.GetBytes), 0xFA, 0xF4, 0xEB, 0xFD, .. new byte[8192]];
    }

    // The bound runs from the sign on the serial console to the failed start.
    private static async Task<MachineStartException> FailAsync(MachineSpec spec, string? sign)
    {
        await using var vm = new VirtualMachine(spec with { Start = StartMode.Cold });
        Task start = vm.StartAsync(cancellationToken: Token);
        while (sign is not null && !start.IsCompleted && !vm.Console.Log.Text.Contains(sign, StringComparison.Ordinal))
            await Task.Delay(10, Token);
        long shown = Stopwatch.GetTimestamp();

        MachineStartException thrown = (await FluentActions.Awaiting(() => start).Should().ThrowAsync<MachineStartException>()).Which;

        if (sign is not null)
        {
            thrown.SerialTail.Should().Contain(sign);
            Stopwatch.GetElapsedTime(shown).Should().BeLessThan(Bound);
        }

        vm.State.Should().Be(MachineState.Stopped);
        StartTests.Running(vm.ProcessId!.Value).Should().BeFalse();
        return thrown;
    }
}
