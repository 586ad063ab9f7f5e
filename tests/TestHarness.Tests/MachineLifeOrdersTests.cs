using System.Runtime.CompilerServices;
using FluentAssertions;
using TestHarness.Machines;
using Xunit;

namespace TestHarness.Tests;

/// <summary>
/// What becomes of a running machine for each order of two signs, and of a third where it makes a difference: a table in
/// <c>MachineLife.Orders.txt</c>. Another outcome is a change of behaviour. Where it is meant, the file that the test names takes the
/// table's place.
/// </summary>
public sealed class MachineLifeOrdersTests
{
    private const string Table = "MachineLife.Orders.txt";

    private static readonly Dictionary<string, Action<MachineLife, object>> Signs = new()
    {
        ["paused"] = (life, _) => life.TryMove(MachineState.Running, MachineState.Paused),
        ["powers off"] = (life, _) => life.SeeShutdown(byGuest: true, toReset: false),
        ["resets"] = (life, _) => life.SeeShutdown(byGuest: true, toReset: true),
        ["panics"] = (life, _) => life.TryBreak(new MachineExit(MachineExitReason.KernelPanic, 0, "")),
        ["monitor lost"] = (life, _) => life.TryLoseMonitor("it said nonsense"),
        ["killed"] = (life, _) => life.Kill(),
        ["ends 0"] = (life, qemu) => End(life, qemu, new QemuEnd(0, "")),
        ["ends 1"] = (life, qemu) => End(life, qemu, new QemuEnd(1, "")),
        ["ends by OOM"] = (life, qemu) => End(life, qemu, new QemuEnd(137, "") { OutOfMemory = "the host ran out of memory" }),
        ["ends by disk"] = (life, qemu) => End(life, qemu, new QemuEnd(1, "") { CutDisk = "disk0 was cut" }),
        ["back"] = (life, _) => life.TryMove(MachineState.Rebooting, MachineState.Running),
        ["not back"] = (life, _) => life.FailReturn("no kernel"),
    };

    [Fact]
    public void Come_out_as_recorded()
    {
        string table = string.Concat(Pairs().Select(pair => $"{pair[0]}, {pair[1]} -> {Outcome(pair)}\n{string.Concat(Thirds(pair))}"));
        string came = Path.Combine(AppContext.BaseDirectory, Table);
        File.WriteAllText(came, table);

        table.Should().Be(File.ReadAllText(Path.Combine(Path.GetDirectoryName(Source())!, Table)), $"{came} is what comes out now");
    }

    [Fact]
    public void Never_leave_a_state_that_the_end_contradicts()
    {
        foreach (string[] order in Pairs().SelectMany(pair => Rest(pair).Select(third => (string[])[.. pair, third])))
        {
            MachineLife life = After(order);
            if (life.Exit is null)
                continue;
            life.State.Should().Be(MachineState.Stopped);
            life.Returned.IsCompleted.Should().BeTrue();
            if (order[0] == "killed")
                life.Exit.Reason.Should().Be(MachineExitReason.Killed, "nothing else ends a machine that the library ends");
        }
    }

    private static IEnumerable<string[]> Pairs() =>
        Signs.Keys.SelectMany(first => Rest([first]).Select(second => (string[])[first, second]));

    private static IEnumerable<string> Rest(string[] order) => Signs.Keys.Except(order);

    // Those that make a difference.
    private static IEnumerable<string> Thirds(string[] pair) =>
        from third in Rest(pair)
        let outcome = Outcome([.. pair, third])
        where outcome != Outcome(pair)
        select $"    {third} -> {outcome}\n";

    private static MachineLife After(string[] order)
    {
        var life = new MachineLife();
        object qemu = new();
        life.TryMove(MachineState.Created, MachineState.Starting);
        life.FinishStart(qemu);
        foreach (string sign in order)
            Signs[sign](life, qemu);
        return life;
    }

    private static string Outcome(string[] order)
    {
        MachineLife life = After(order);
        return life.Exit is { } exit ? $"{life.State}: {exit.Reason} {exit.ExitCode} {exit.Detail}".TrimEnd() : $"{life.State}";
    }

    // As the exit watch does.
    private static void End(MachineLife life, object qemu, QemuEnd end)
    {
        if (life.SeeEnd(qemu, end.ExitCode) != QemuEndIs.Reboot || !life.TryReboot())
            life.Judge(end);
    }

    private static string Source([CallerFilePath] string path = "") => path;
}
