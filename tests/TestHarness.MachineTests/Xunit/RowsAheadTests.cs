using FluentAssertions;
using TestHarness.Machines;
using TestHarness.MachineTests.Templates;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Xunit;

/// <summary>
/// Tests of a class that each get a fresh machine: while one runs, the next one's is made ready. Which of them runs first is xunit's.
/// </summary>
[Collection(nameof(SpareTests))]
public sealed class RowsAheadTests
{
    private const int Tests = 4;

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(3);

    private static readonly List<string> Names = [];

    static RowsAheadTests() => SparePool.Idle = _ => Task.CompletedTask;

    [Theory, OwnPool, OwnPool]
    public Task Two_rows(VirtualMachine vm) => TakeTurnAsync(vm);

    [Theory, OwnPool]
    public Task One_row(VirtualMachine vm) => TakeTurnAsync(vm);

    [Theory, OwnPool]
    public Task Another_row(VirtualMachine vm) => TakeTurnAsync(vm);

    /// <summary>Waits until the pool of a spec has a machine ready; fails where it never has.</summary>
    internal static async Task WaitUntilReadyAsync(MachineSpec spec, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Longest);
        while (SparePool.Find(spec)?.HasReady != true)
            await Task.Delay(20, limit.Token);
    }

    private static async Task TakeTurnAsync(VirtualMachine vm)
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        Names.Should().NotContain(vm.Name);
        Names.Add(vm.Name);
        MachineEvidence evidence = await vm.CollectEvidenceAsync(token);
        // The first one says nothing of the second.
        evidence.Timeline.Contains("running (a spare)", StringComparison.Ordinal).Should().Be(Names.Count > 2);
        await vm.Shell.RunAsync("test ! -e /root/left && touch /root/left", cancellationToken: token);
        if (Names.Count == Tests)
            SparePool.Find(vm.Spec).Should().BeNull("nothing follows");
        else if (Names.Count > 1)
            await WaitUntilReadyAsync(vm.Spec, token);
    }

    // The template is every test's; the spares are one's own.
    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
    private sealed class OwnPoolAttribute() : VirtualMachineAttribute("tiny")
    {
        protected override MachineSpec Spec => base.Spec with { StopTimeout = TimeSpan.FromSeconds(32) };
    }
}
