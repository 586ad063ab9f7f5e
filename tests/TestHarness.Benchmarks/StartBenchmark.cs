using System.Diagnostics;

namespace TestHarness.Benchmarks;

/// <summary>What a machine costs, ours and by hand in turn.</summary>
internal static class StartBenchmark
{
    public static async Task<IReadOnlyList<Metric>> RunAsync(string image, int count, int boots)
    {
        var warm = new MachineSpec { Image = image };
        MachineSpec cold = warm with { Start = StartMode.Cold };
        List<double> fresh = [],
            started = [],
            bareRestores = [],
            ourBoots = [],
            bareBoots = [];
        (Reference restore, Reference boot) = (await ReferenceAsync(warm), await ReferenceAsync(cold));
        for (int i = -2; i < count; i++)
        {
            (double ready1, double answer) = await StartAsync(warm);
            double bare = await BareQemu.RunAsync(restore);
            if (i < 0)
                continue;
            started.Add(ready1);
            fresh.Add(answer);
            bareRestores.Add(bare);
        }

        for (int i = 0; i < boots; i++)
        {
            ourBoots.Add((await StartAsync(cold)).Answer);
            bareBoots.Add(await BareQemu.RunAsync(boot));
        }

        return
        [
            new($"{image}: fresh start until StartAsync returns", "ms", started),
            new($"{image}: fresh start to the output of uname -r", "ms", fresh),
            new($"{image}: the same by hand (reference restore)", "ms", bareRestores),
            new($"{image}: cold boot to the output of uname -r", "ms", ourBoots),
            new($"{image}: the same by hand (reference boot)", "ms", bareBoots),
        ];
    }

    private static async Task<(double Started, double Answer)> StartAsync(MachineSpec spec)
    {
        long began = Stopwatch.GetTimestamp();
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec);
        double started = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        await vm.Shell.RunAsync(["uname", "-r"]);
        return (started, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
    }

    private static async Task<Reference> ReferenceAsync(MachineSpec spec)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec);
        return await Reference.OfAsync(vm);
    }
}
