using System.Diagnostics;

namespace TestHarness.Benchmarks;

/// <summary>A machine of its own for each sample, from the asking to the output of its first command.</summary>
internal class FreshStartRow(string image) : Row(image)
{
    public override Task<TimeSpan> SampleAsync() => StartAsync(Spec, progress: null);

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    protected static async Task<TimeSpan> StartAsync(MachineSpec spec, IProgress<StartProgress>? progress)
    {
        long began = Stopwatch.GetTimestamp();
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, progress);
        await vm.Shell.RunAsync(["uname", "-r"]);
        return Stopwatch.GetElapsedTime(began);
    }
}

/// <summary>The same where a spare is ready.</summary>
internal sealed class SpareRow(string image) : FreshStartRow(image)
{
    // What a test would take, in which the background makes the next spare.
    private static readonly TimeSpan TestTime = TimeSpan.FromSeconds(1);

    private MachineSpec Spared => Spec with { Spares = 2 };

    public override async Task<TimeSpan> SampleAsync()
    {
        while (true)
        {
            var steps = new StepList();
            TimeSpan took = await StartAsync(Spared, steps);
            await Task.Delay(TestTime);
            if (steps.Contains("running (a spare)"))
                return took;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await VirtualMachine.ReleaseSparesAsync(Spared);
    }
}

internal sealed class StepList : List<string>, IProgress<StartProgress>
{
    public void Report(StartProgress value) => Add(value.Step);
}
