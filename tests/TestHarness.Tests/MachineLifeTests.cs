using FluentAssertions;
using TestHarness.Machines;
using Xunit;

namespace TestHarness.Tests;

[Fault(
    "QEMU ends at the moment in which the machine has started, pauses, or breaks in another way.",
    "`State` is `Stopped` and stays so. Of two ends the first one is kept."
)]
public sealed class MachineLifeTests
{
    private static readonly MachineExit Died = new(MachineExitReason.QemuExited, 1, "");
    private static readonly MachineExit Panicked = new(MachineExitReason.KernelPanic, 0, "");

    private readonly MachineLife _life = new();
    private readonly object _qemu = new();

    [Fact]
    public void Is_running_after_a_start()
    {
        _life.State.Should().Be(MachineState.Created);
        Start();

        _life.FinishStart(_qemu).Should().BeTrue("nobody left an end to the starter");
        _life.State.Should().Be(MachineState.Running);
        _life.Exit.Should().BeNull();
    }

    [Fact]
    public void Is_started_by_one_of_two()
    {
        _life.TryMove(MachineState.Created, MachineState.Starting).Should().BeTrue();
        _life.TryMove(MachineState.Created, MachineState.Starting).Should().BeFalse();
    }

    [Fact]
    public void Gives_an_end_during_the_start_to_the_starter_and_one_after_it_to_the_watch()
    {
        Start();
        _life.SeeEnd(_qemu, 1).Should().Be(QemuEndIs.ForStarter);
        _life.FinishStart(_qemu).Should().BeFalse("the starter has it recorded");

        _life.SeeEnd(_qemu, 1).Should().Be(QemuEndIs.Final, "the watch records it");
        _life.End(Died).Should().BeSameAs(Died);
        _life.State.Should().Be(MachineState.Stopped);
    }

    // The end of QEMU as the start is done: whatever the order, one of the two records it.
    [Fact]
    public void Loses_no_end_between_the_start_and_the_watch()
    {
        for (int round = 0; round < 20_000; round++)
        {
            var life = new MachineLife();
            life.TryMove(MachineState.Created, MachineState.Starting);
            bool left = false,
                finished = false;
            Parallel.Invoke(() => left = life.SeeEnd(_qemu, 1) == QemuEndIs.ForStarter, () => finished = life.FinishStart(_qemu));

            left.Should().Be(!finished, "an end that is left is found, and one that is not is the watch's");
        }
    }

    [Fact]
    public void Minds_no_end_of_the_QEMU_of_an_attempt_before()
    {
        Start();
        _life.SeeEnd(new object(), 1);

        _life.FinishStart(_qemu).Should().BeTrue();
    }

    [Theory]
    [InlineData(MachineState.Running, MachineState.Paused)]
    [InlineData(MachineState.Paused, MachineState.Running)]
    [InlineData(MachineState.Rebooting, MachineState.Running)]
    [InlineData(MachineState.Starting, MachineState.Running)]
    public void Stays_stopped_whoever_comes_late(MachineState from, MachineState to)
    {
        Start();
        _life.End(Died);

        _life.TryMove(from, to).Should().BeFalse();
        _life.TryReboot().Should().BeFalse();
        _life.FinishStart(_qemu).Should().BeTrue();
        _life.State.Should().Be(MachineState.Stopped);
    }

    [Fact]
    public void Keeps_the_first_of_two_ends()
    {
        Start();
        _life.FinishStart(_qemu);

        _life.End(Panicked).Should().BeSameAs(Panicked);
        _life.End(Died).Should().BeSameAs(Panicked);
        _life.Exit.Should().BeSameAs(Panicked);
    }

    [Fact]
    public void Keeps_one_end_of_many_at_once()
    {
        for (int round = 0; round < 1_000; round++)
        {
            var life = new MachineLife();
            var kept = new MachineExit[4];
            Parallel.For(0, kept.Length, index => kept[index] = life.End(new MachineExit(MachineExitReason.QemuExited, index, "")));

            kept.Should().AllSatisfy(exit => exit.Should().BeSameAs(life.Exit));
        }
    }

    [Theory]
    [InlineData(MachineState.Running)]
    [InlineData(MachineState.Paused)]
    public void Reboots_from_where_the_guest_was_up(MachineState from)
    {
        _life.TryReboot().Should().BeFalse("nothing is up");
        Start();
        _life.FinishStart(_qemu);
        if (from == MachineState.Paused)
            _life.TryMove(MachineState.Running, from);

        _life.TryReboot().Should().BeTrue();
        _life.Returned.IsCompleted.Should().BeFalse();
        _life.TryMove(MachineState.Running, MachineState.Paused).Should().BeFalse();
        _life.TryMove(MachineState.Rebooting, MachineState.Running).Should().BeTrue();
        _life.Returned.IsCompleted.Should().BeTrue();
    }

    [Fact]
    public void Has_no_exit_where_the_start_failed()
    {
        Start();
        _life.Close();

        _life.State.Should().Be(MachineState.Stopped);
        _life.Exit.Should().BeNull();
    }

    // It stood between the reply of stop and the move to Paused.
    [Fact]
    public void Is_not_paused_once_QEMU_has_ended()
    {
        Start();
        _life.FinishStart(_qemu);
        _life.SeeEnd(_qemu, 1).Should().Be(QemuEndIs.Final);
        _life.Judge(new QemuEnd(1, ""));

        _life.TryMove(MachineState.Running, MachineState.Paused).Should().BeFalse();
        _life.State.Should().Be(MachineState.Stopped);
    }

    // One that broke is ended by the library later, and its QEMU ends after that.
    [Fact]
    public void Keeps_what_broke_it_over_the_end_of_its_QEMU()
    {
        Start();
        _life.FinishStart(_qemu);
        _life.TryBreak(Panicked).Should().BeTrue();
        _life.Kill();

        _life.TryBreak(Died).Should().BeFalse();
        _life.Judge(new QemuEnd(137, "")).Should().BeSameAs(Panicked);
    }

    [Fact]
    public void Tells_what_a_guest_did_not_come_back_by()
    {
        Start();
        _life.FinishStart(_qemu);
        _life.SeeShutdown(byGuest: true, toReset: true);
        _life.SeeEnd(_qemu, 0).Should().Be(QemuEndIs.Reboot);
        _life.TryReboot();
        _life.FailReturn("no kernel");

        _life.Judge(new QemuEnd(0, "")).Should().Be(new MachineExit(MachineExitReason.QemuExited, 0, "") { Detail = "no kernel" });
    }

    private void Start() => _life.TryMove(MachineState.Created, MachineState.Starting);
}
