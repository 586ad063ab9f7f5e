using System.Diagnostics;

namespace TestHarness.Benchmarks;

/// <summary>What a machine costs, ours and by hand in turn.</summary>
internal static class StartBenchmark
{
    public static async Task<IReadOnlyList<Metric>> RunAsync(string image, int count, int boots)
    {
        var warm = new MachineSpec { Image = image };
        MachineSpec cold = warm with { Start = StartMode.Cold };
        List<double> fresh = [], started = [], bareRestores = [], ourBoots = [], bareBoots = [];
        (string restoreLine, string bootLine) = (await CommandLineAsync(warm), await CommandLineAsync(cold));
        string template = Folder(restoreLine, "/memory"), folder = Folder(bootLine, "/vmlinux");
        string? ready = System.Text.Json.JsonDocument.Parse(File.ReadAllText($"{folder}/image.json")).RootElement is var root && root.TryGetProperty("ready", out var text) ? text.GetString() : null;
        for (int i = -2; i < count; i++)
        {
            (double ready1, double answer) = await StartAsync(warm);
            double bare = await BareQemu.RunAsync(restoreLine, $"cp '{template}/overlays/disk.qcow2' . && chmod u+w disk.qcow2", $"{template}/state", null);
            if (i < 0)
                continue;
            started.Add(ready1);
            fresh.Add(answer);
            bareRestores.Add(bare);
        }

        for (int i = 0; i < boots; i++)
        {
            ourBoots.Add((await StartAsync(cold)).Answer);
            bareBoots.Add(await BareQemu.RunAsync(bootLine, $"qemu-img create -q -f qcow2 -F qcow2 -b '{folder}/disk.qcow2' disk.qcow2", null, ready));
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

    private static async Task<string> CommandLineAsync(MachineSpec spec)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec);
        return (await vm.CollectEvidenceAsync()).CommandLine;
    }

    // The folder of a file whose path is in the command line.
    private static string Folder(string commandLine, string file)
    {
        int end = commandLine.IndexOf(file, StringComparison.Ordinal);
        return commandLine[(commandLine.LastIndexOfAny([' ', '"'], end) + 1)..end];
    }
}
