using System.Diagnostics;
using System.Globalization;

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
    private MachineSpec Spared => Spec with { Spares = 2 };

    public override async Task<TimeSpan> SampleAsync()
    {
        while (true)
        {
            var steps = new StepList();
            TimeSpan took = await StartAsync(Spared, steps);
            await HostRest.WaitAsync();
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

/// <summary>
/// What the background does after a sample, such as the next spare, must not fall into the next one, which may be the other build's.
/// </summary>
internal static class HostRest
{
    // The pool of spares begins a moment after a hand-out.
    private static readonly TimeSpan BackgroundBegins = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(15);
    private const double Resting = 0.1;

    public static async Task WaitAsync()
    {
        long began = Stopwatch.GetTimestamp();
        await Task.Delay(BackgroundBegins);
        bool resting = false;
        while (!resting && Stopwatch.GetElapsedTime(began) < Longest)
        {
            (long busy, long all) = Read();
            await Task.Delay(Look);
            (long busyLater, long allLater) = Read();
            resting = busyLater - busy <= Resting * (allLater - all);
        }
    }

    // The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5)).
    private static (long Busy, long All) Read()
    {
        long[] times =
        [
            .. File.ReadLines("/proc/stat")
                .First()
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Skip(1)
                .Take(8)
                .Select(time => long.Parse(time, CultureInfo.InvariantCulture)),
        ];
        return (times.Sum() - times[3] - times[4] - times[7], times.Sum());
    }
}

internal sealed class StepList : List<string>, IProgress<StartProgress>
{
    public void Report(StartProgress value) => Add(value.Step);
}
