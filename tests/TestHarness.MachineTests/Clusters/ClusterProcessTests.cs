using System.Diagnostics;
using System.Globalization;
using FluentAssertions;
using TestHarness.MachineTests.Hosts;
using Xunit;

namespace TestHarness.MachineTests.Clusters;

/// <summary>The process that has the switches: with many machines, stopped for a while, killed.</summary>
[Fault(
    "The process that has a cluster stands still for 5 seconds, or is killed.",
    "Its machines reach each other again once it goes on. With it go all QEMUs, folders and shares of the host.",
    "KilledOwnerTests"
)]
[Collection("Clusters")]
public sealed class ClusterProcessTests
{
    private static readonly TimeSpan Still = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(3);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Sixteen_machines_reach_each_other()
    {
        using SampleProgram program = new SampleProgram().With("TESTHARNESS_CPUS", "64");
        Process process = program.Start("cluster", "16");

        await SampleProgram.ReadLineAsync(process, "reached");
        await EndAsync(program, process, "TERM");
    }

    // The time that it stands still is what is tested.
    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Machines_reach_each_other_after_the_process_stood_still()
    {
        using var program = new SampleProgram();
        Process process = program.Start("cluster", "3");
        await SampleProgram.ReadLineAsync(process, "reached");

        Signal.Send("STOP", process.Id);
        await Task.Delay(Still, Token);
        long goesOn = Environment.TickCount64;
        Signal.Send("CONT", process.Id);

        string line;
        do line = await SampleProgram.ReadLineAsync(process, "reached");
        while (long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture) < goesOn);
    }

    [Fact]
    public async Task Nothing_stays_when_the_process_is_killed()
    {
        using var program = new SampleProgram();
        Process process = program.Start("cluster", "2");
        await SampleProgram.ReadLineAsync(process, "reached");

        await EndAsync(program, process, "KILL");
    }

    private static async Task EndAsync(SampleProgram program, Process process, string signal)
    {
        IReadOnlyList<ProcessTree.Member> children = ProcessTree.DescendantsOf(process.Id);
        Signal.Send(signal, process.Id);
        await process.WaitForExitAsync(Token).WaitAsync(Bound, Token);
        await ProcessTree.AssertGoneAsync(children, Bound);
        program.Leftovers.Should().BeEmpty("no run folder stays");
    }
}
