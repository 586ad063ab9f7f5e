using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

[Fault(
    "QEMU crashes while the guest boots.",
    "It is started again from new overlays (`StartRetries`). `vm.FailedStarts` and the log tell about it."
)]
[Fault(
    "QEMU is missing, is a folder, is not executable, refuses an option, ends at once or gets no memory.",
    "The start fails at once, with QEMU's own words."
)]
public sealed class QemuFaultTests
{
    // Long before a start's own limit, on a busy host, too.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(15);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tells_QEMUs_own_words_when_it_refuses_an_option()
    {
        MachineStartException thrown = await FailAsync(new MachineSpec { ExtraQemuArguments = ["-no-such-option"] }, Soon);

        thrown
            .Message.Should()
            .Contain("did not start: QEMU ended with exit code 1")
            .And.Contain("-no-such-option: invalid option")
            .And.Contain("Reproduce: ");
    }

    [Fact]
    public async Task Tells_the_last_words_of_a_QEMU_that_ends_at_once()
    {
        MachineStartException thrown = await FailAsync(FakeQemu.Spec("exit:3:could not set up the flux capacitor"), Soon);

        thrown.Message.Should().Contain("exit code 3").And.Contain("Standard error of QEMU: could not set up the flux capacitor");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Names_what_it_waited_for_when_the_guest_stays_silent()
    {
        MachineStartException thrown = await FailAsync(FakeQemu.Spec("deaf"), Soon);

        thrown.Message.Should().Contain("it took more than 5 s (MachineSpec.StartTimeout)").And.Contain("Waited for: the guest to answer");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Starts_again_where_QEMU_was_killed_and_says_so()
    {
        string once = $"/var/tmp/testharness-killed-{Guid.NewGuid():N}";
        using var qemu = new QemuScript(
            $"case $* in *guest=*) [ -e {once} ] || {{ touch {once}; kill -9 $$; }} ;; esac\nexec qemu-system-x86_64 \"$@\""
        );
        try
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(
                new MachineSpec { QemuPath = qemu.Path, Start = StartMode.Cold },
                cancellationToken: Token
            );

            vm.FailedStarts.Should().ContainSingle().Which.Should().Contain("QEMU was ended by signal 9");
            File.Delete(once);
            (
                await FluentActions
                    .Awaiting(() =>
                        VirtualMachine.StartAsync(
                            new MachineSpec
                            {
                                QemuPath = qemu.Path,
                                Start = StartMode.Cold,
                                StartRetries = 0,
                            },
                            cancellationToken: Token
                        )
                    )
                    .Should()
                    .ThrowAsync<MachineStartException>()
            ).Which.Outcome.Should().Be(FailureOutcome.InfrastructureFailed);
        }
        finally
        {
            File.Delete(once);
        }
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(StartMode.Cold)]
    [InlineData(StartMode.Warm)]
    public async Task Starts_again_where_QEMU_crashed_while_the_guest_booted_and_says_so(StartMode start)
    {
        string once = $"/var/tmp/testharness-crashed-{Guid.NewGuid():N}";
        // By then the kernel has written to its console and its memory.
        using var crashing = new QemuScript(
            $"case $* in *guest=*) [ -e {once} ] || {{ touch {once}; (sleep 2; exec kill -SEGV $$) & }} ;; esac; exec "
                + "qemu-system-x86_64 \"$@\""
        );
        var steps = new List<string>();
        try
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(
                new MachineSpec
                {
                    QemuPath = crashing.Path,
                    Start = start,
                    KernelArguments = $"testharness.crashed={Guid.NewGuid():N}",
                },
                new StepList(steps),
                Token
            );

            (await vm.Shell.RunAsync("uname", cancellationToken: Token)).StandardOutput.Should().Be("Linux\n");
            steps
                .Should()
                .ContainSingle(step => step.StartsWith("starts again: ", StringComparison.Ordinal))
                .Which.Should()
                .Contain("QEMU was ended by signal 11");
            vm.FailedStarts.Should().HaveCount(start == StartMode.Cold ? 1 : 0, "a template's maker is another machine");
        }
        finally
        {
            File.Delete(once);
        }
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Does_without_io_uring_where_it_is_forbidden_and_says_so()
    {
        using var forbidding = new QemuScript(
            "case $* in *io_uring*) echo 'failed to init linux io_uring ring' >&2; exit 1 ;; esac; exec qemu-system-x86_64 \"$@\""
        );
        var steps = new List<string>();

        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { QemuPath = forbidding.Path },
            new StepList(steps),
            Token
        );

        await vm.CheckpointAsync("clean", Token);
        await vm.Shell.RunAsync("touch /left", cancellationToken: Token);
        await vm.RollbackAsync("clean", Token);
        (await vm.Shell.TryRunAsync("test -e /left", cancellationToken: Token)).ExitCode.Should().Be(1);
        steps.Should().Contain("disks: by threads, because io_uring can't be used: QEMU ended (QEMU: failed to init linux io_uring ring)");
    }

    [Fact]
    public async Task Says_that_QEMU_ended_when_it_ends_at_once_without_an_error()
    {
        MachineStartException thrown = await FailAsync(FakeQemu.Spec("exit:0:"), Soon);

        thrown.Message.Should().Contain("did not start: QEMU ended with exit code 0.");
    }

    [Fact]
    public async Task Tells_QEMUs_own_words_when_there_is_no_such_kernel()
    {
        MachineStartException thrown = await FailAsync(new MachineSpec { ExtraQemuArguments = ["-kernel", "/no/such/kernel"] }, Soon);

        thrown.Message.Should().Contain("could not open kernel file '/no/such/kernel'");
    }

    [Fact]
    public async Task Names_the_memory_when_QEMU_gets_none()
    {
        using var limited = new QemuScript("exec prlimit --as=2500000000 qemu-system-x86_64 \"$@\"");

        MachineStartException thrown = await FailAsync(
            new MachineSpec
            {
                QemuPath = limited.Path,
                MemoryMiB = 2048,
                Start = StartMode.Cold,
            },
            Soon
        );

        thrown
            .Message.Should()
            .Contain("QEMU ended with exit code 1")
            .And.Contain("cannot set up guest memory 'ram': Cannot allocate memory")
            .And.NotContain("it took more than");
    }

    [Fact]
    public async Task Names_the_path_when_QEMU_is_not_there()
    {
        (await RefusedAsync("/no/such/qemu"))
            .Should()
            .Contain("/no/such/qemu")
            .And.Contain("Try: check MachineSpec.QemuPath")
            .And.NotContain("apt-get");
    }

    [Fact]
    public async Task Says_so_when_QEMU_is_a_folder()
    {
        (await RefusedAsync("/usr/bin")).Should().Contain("'/usr/bin' can't be started").And.Contain("Reason: it is a folder");
    }

    [Fact]
    public async Task Says_so_when_QEMU_is_not_executable()
    {
        (await RefusedAsync("/etc/passwd"))
            .Should()
            .Contain("'/etc/passwd' can't be started")
            .And.Contain("Reason: it is not executable")
            .And.Contain("Try: chmod a+x '/etc/passwd'");
    }

    private static async Task<string> RefusedAsync(string qemu)
    {
        long asked = Stopwatch.GetTimestamp();

        string message = (
            await FluentActions
                .Awaiting(() => VirtualMachine.StartAsync(new MachineSpec { QemuPath = qemu }, cancellationToken: Token))
                .Should()
                .ThrowAsync<HostNotReadyException>()
        )
            .Which
            .Message;

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(Soon);
        return message;
    }

    private static async Task<MachineStartException> FailAsync(MachineSpec spec, TimeSpan bound)
    {
        await using var vm = new VirtualMachine(spec);
        long asked = Stopwatch.GetTimestamp();

        MachineStartException thrown = (
            await vm.Invoking(machine => machine.StartAsync(cancellationToken: Token)).Should().ThrowAsync<MachineStartException>()
        ).Which;

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(bound);
        File.Exists($"/proc/{vm.ProcessId}").Should().BeFalse();
        return thrown;
    }
}
