using System.Diagnostics;
using FluentAssertions;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class AcceleratorChoiceTests
{
    // A character device that everybody may open, for a KVM device.
    private const string AnyDevice = "/dev/null";

    private const string Works = "echo probe:64-bit mode; echo probe:ticks 0000000000000001; exit 33";

    private static readonly TimeSpan First = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Later = TimeSpan.FromMilliseconds(50);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("echo 'failed to set MSR 0x10a' >&2; exit 134", "QEMU ended (QEMU: failed to set MSR 0x10a)")]
    [InlineData("echo probe:64-bit mode; exec sleep 60", "a probe guest hung after its step '64-bit mode' and was killed after 1.8 s")]
    public async Task Auto_takes_TCG_in_time_says_why_and_remembers_it(string kvm, string why)
    {
        using ScriptedQemu qemu = Play(kvm, Works);
        AcceleratorHost host = new(qemu.Program) { Device = AnyDevice, Folder = qemu.Proofs };
        (AcceleratorChoice choice, TimeSpan took) = await ChooseAsync(Accelerator.Auto, host);
        AcceleratorProofs.Forget();
        (AcceleratorChoice again, TimeSpan tookAgain) = await ChooseAsync(Accelerator.Auto, host);

        choice.Accelerator.Should().Be(Accelerator.Tcg);
        choice.Reason.Should().Be($"TCG, because KVM can't be used: {why}").And.NotContain("\n");
        again.Should().Be(choice);
        took.Should().BeLessThan(First);
        tookAgain.Should().BeLessThan(Later);
    }

    [Fact]
    public async Task Auto_takes_KVM_where_the_probe_guest_runs_on_it()
    {
        using ScriptedQemu qemu = Play(Works, "exit 1");
        (AcceleratorChoice choice, _) = await ChooseAsync(Accelerator.Auto, new(qemu.Program) { Device = AnyDevice, Folder = qemu.Proofs });

        choice.Should().Be(new AcceleratorChoice(Accelerator.Kvm, "KVM, on which a probe guest ran", 1, null));
    }

    [Fact]
    public async Task Starts_no_probe_on_KVM_where_there_is_no_device()
    {
        using ScriptedQemu qemu = Play("exec sleep 60", Works);
        AcceleratorHost host = new(qemu.Program) { Device = "/dev/no-such-kvm", Folder = qemu.Proofs };
        (AcceleratorChoice choice, _) = await ChooseAsync(Accelerator.Auto, host);
        HostNotReadyException refused = await RefuseAsync(host);

        choice.Reason.Should().Be("TCG, because KVM can't be used: there is no /dev/no-such-kvm");
        refused
            .Message.Should()
            .StartWith(
                "KVM can't be used on this host, and MachineSpec.Accelerator asks for it.\nReason: there is no /dev/no-such-kvm\nTry: "
            )
            .And.Contain("modprobe");
    }

    [Fact]
    public async Task Kvm_is_refused_with_QEMUs_words_and_a_remedy()
    {
        using ScriptedQemu qemu = Play("echo 'qemu: Assertion failed' >&2; exit 134", Works);

        HostNotReadyException refused = await RefuseAsync(new(qemu.Program) { Device = AnyDevice, Folder = qemu.Proofs });

        refused
            .Message.Should()
            .Contain("Reason: QEMU ended")
            .And.Contain("QEMU's words: qemu: Assertion failed")
            .And.Contain("Accelerator.Auto")
            .And.Contain($"remove '{qemu.Proofs}/accelerators' to have it proved again");
    }

    [Fact]
    public async Task Scales_limits_as_far_as_it_goes_where_the_probe_does_not_even_end_under_TCG()
    {
        using ScriptedQemu qemu = Play("exit 1", "exec sleep 60");
        (AcceleratorChoice choice, TimeSpan took) = await ChooseAsync(Accelerator.Tcg, new(qemu.Program) { Folder = qemu.Proofs });

        choice.Should().Be(new AcceleratorChoice(Accelerator.Tcg, "TCG, as MachineSpec.Accelerator says", TimeLimits.LargestScale, null));
        // Of the minute that the probe would take. A busy host starts and ends it late.
        took.Should().BeLessThan(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Leaves_it_to_the_start_to_say_that_there_is_no_QEMU_or_no_room()
    {
        var nowhere = new AcceleratorHost("/no/such/qemu") { Device = AnyDevice, Folder = "/no/such/folder" };
        (AcceleratorChoice choice, _) = await ChooseAsync(Accelerator.Auto, nowhere);

        choice.Accelerator.Should().Be(Accelerator.Tcg);
        choice.Reason.Should().Contain("the probe could not be run");
        choice.LimitScale.Should().Be(1);
    }

    [Fact]
    public async Task Kvm_fails_before_anything_is_made_for_the_machine()
    {
        using ScriptedQemu qemu = Play("exit 1", Works);
        var progress = new List<string>();
        await using var machine = new VirtualMachine(
            new MachineSpec
            {
                Accelerator = Accelerator.Kvm,
                QemuPath = qemu.Program,
                Image = "./no-such-image",
            }
        );
        Func<Task> start = () => machine.StartAsync(new Listing(progress), Token);

        await start.Should().ThrowAsync<HostNotReadyException>().WithMessage("KVM can't be used on this host*");
        progress.Should().BeEmpty();
    }

    private static ScriptedQemu Play(string kvm, string tcg) => new($"case \"$*\" in *'-accel kvm'*) {kvm};; *) {tcg};; esac");

    private static async Task<(AcceleratorChoice Choice, TimeSpan Took)> ChooseAsync(Accelerator wanted, AcceleratorHost host)
    {
        long began = Stopwatch.GetTimestamp();
        AcceleratorChoice choice = await AcceleratorChoice.ChooseAsync(wanted, host, Token);
        return (choice, Stopwatch.GetElapsedTime(began));
    }

    private static async Task<HostNotReadyException> RefuseAsync(AcceleratorHost host)
    {
        Func<Task> choose = () => ChooseAsync(Accelerator.Kvm, host);
        return (await choose.Should().ThrowAsync<HostNotReadyException>()).Which;
    }

    private sealed class Listing(List<string> steps) : IProgress<StartProgress>
    {
        public void Report(StartProgress value) => steps.Add(value.Step);
    }
}
