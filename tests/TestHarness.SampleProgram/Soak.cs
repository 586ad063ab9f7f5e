using System.Diagnostics;
using System.Globalization;
using TestHarness;

namespace TestHarness.SampleProgram;

/// <summary>Starts and disposes machines, half of them cancelled or killed at a random moment, and counts what is left of them.</summary>
internal sealed class Soak(int cycles, int seed)
{
    private const int WarmUp = 6;

    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(20);

    private readonly Random _random = new(seed);
    private readonly Dictionary<string, int> _outcomes = [];

    public async Task<int> RunAsync()
    {
        Console.WriteLine($"soak: {cycles} cycles, seed {seed}");
        // What the runtime and the library take once.
        for (int i = 0; i < WarmUp; i++)
            await CycleAsync(i % 3);
        Counts before = await SettledAsync(null);
        string[] filesBefore = [.. Counts.OpenFileNames()];
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < cycles; i++)
            await CycleAsync(_random.Next(4));
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Counts after = await SettledAsync(before);
        Console.WriteLine(
            "outcomes: "
                + string.Join(", ", _outcomes.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} {pair.Value}"))
        );
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"took {seconds:0.0} s"));
        Console.WriteLine($"before: {before}");
        Console.WriteLine($"after:  {after}");
        bool clean = after.IsWithin(before);
        foreach (string file in clean ? [] : Counts.OpenFileNames().Except(filesBefore))
            Console.WriteLine($"open: {file}");
        Console.WriteLine(clean ? "clean" : "LEFT BEHIND");
        return clean ? 0 : 1;
    }

    // 0: cancelled at a random moment; 1: QEMU killed at one; 2 and 3: runs to its end.
    private async Task CycleAsync(int kind)
    {
        TimeSpan moment = Longest * _random.NextDouble();
        using var cancel = new CancellationTokenSource();
        await using var vm = new VirtualMachine(new MachineSpec());
        if (kind == 0)
            cancel.CancelAfter(moment);
        Task killer = kind == 1 ? KillAsync(vm, moment) : Task.CompletedTask;
        string outcome;
        try
        {
            await vm.StartAsync(cancellationToken: cancel.Token);
            ShellResult result = await vm.Shell.RunAsync(kind < 2 ? "echo up; sleep 1" : "echo up", cancellationToken: cancel.Token);
            outcome =
                result.StandardOutput == "up\n" ? "passed" : throw new InvalidOperationException($"Wrong output: {result.StandardOutput}");
        }
        catch (Exception e)
            when ((kind == 0 && e is OperationCanceledException) || (kind == 1 && e is MachineStartException or MachineExitedException))
        {
            outcome = e is OperationCanceledException ? "cancelled" : e.GetType().Name;
        }

        _outcomes[outcome] = _outcomes.GetValueOrDefault(outcome) + 1;
        await killer;
    }

    private static async Task KillAsync(VirtualMachine vm, TimeSpan moment)
    {
        while (vm.ProcessId is null)
            await Task.Delay(1);
        await Task.Delay(moment);
        try
        {
            // Ours until the machine is disposed, so the number can't be somebody else's.
            using Process qemu = Process.GetProcessById(vm.ProcessId.Value);
            qemu.Kill();
        }
        catch (ArgumentException)
        {
            // It has ended.
        }
    }

    // The runtime takes its time with threads of its pool and with handles that only the collector gives back.
    private static async Task<Counts> SettledAsync(Counts? goal)
    {
        long began = Stopwatch.GetTimestamp();
        Counts now;
        do
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Delay(200);
            now = Counts.Take();
        } while (
            Stopwatch.GetElapsedTime(began) < (goal is null ? TimeSpan.FromSeconds(2) : SettleLimit)
            && (goal is null || !now.IsWithin(goal))
        );
        return now;
    }
}
