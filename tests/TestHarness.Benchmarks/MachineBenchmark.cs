using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace TestHarness.Benchmarks;

/// <summary>What else a machine costs: spares, checkpoints, files, memory, and making a template.</summary>
internal static class MachineBenchmark
{
    public static async Task<IReadOnlyList<Metric>> RunAsync(string image, int count) =>
        [
            new($"{image}: with a spare ready, ask to the output of uname -r", "ms", await SampleAsync(new SpareRow(image), count)),
            new($"{image}: checkpoint", "ms", await SampleAsync(new CheckpointRow(image), count)),
            new($"{image}: rollback to the first answer", "ms", await SampleAsync(new RollbackRow(image), count)),
            .. await FilesAsync(image, Math.Min(count, 5)),
            .. await MemoryAsync(image),
            .. await TemplateAsync(image),
        ];

    private static async Task<List<double>> SampleAsync(Row row, int count)
    {
        await using Row open = row;
        var samples = new List<double>();
        while (samples.Count < count)
            samples.Add((await open.SampleAsync()).TotalMilliseconds);
        return samples;
    }

    private static async Task<Metric[]> FilesAsync(string image, int count)
    {
        string folder = Directory.CreateTempSubdirectory("bench-").FullName;
        await File.WriteAllBytesAsync(
            $"{Directory.CreateDirectory($"{folder}/big").FullName}/file",
            RandomNumberGenerator.GetBytes(20_000_000)
        );
        Directory.CreateDirectory($"{folder}/small");
        for (int i = 0; i < 1000; i++)
            await File.WriteAllBytesAsync($"{folder}/small/{i}", RandomNumberGenerator.GetBytes(4096));
        List<double> big = [],
            small = [],
            again = [];
        for (int i = 0; i < count; i++)
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image });
            big.Add(await MillisecondsAsync(() => vm.Files.PushAsync($"{folder}/big/", "/root/big/")));
            small.Add(await MillisecondsAsync(() => vm.Files.PushAsync($"{folder}/small/", "/root/small/")));
            again.Add(await MillisecondsAsync(() => vm.Files.PushAsync($"{folder}/small/", "/root/small/")));
        }

        Directory.Delete(folder, recursive: true);
        return
        [
            new($"{image}: push of 20 MB", "ms", big),
            new($"{image}: push of 1,000 files of 4 KiB", "ms", small),
            new($"{image}: the same again", "ms", again),
        ];
    }

    private static async Task<Metric[]> MemoryAsync(string image)
    {
        VirtualMachine[] machines = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => VirtualMachine.StartAsync(new MachineSpec { Image = image }))
        );
        await Task.Delay(TimeSpan.FromSeconds(10));
        double[] shares = [.. machines.Select(vm => MebibytesOf($"/proc/{vm.ProcessId}/smaps_rollup", "Pss:"))];
        string guest = (await machines[0].Shell.RunAsync("cat /proc/meminfo")).StandardOutput;
        double used = Mebibytes(guest, "MemTotal:") - Mebibytes(guest, "MemAvailable:");
        foreach (VirtualMachine vm in machines)
            await vm.DisposeAsync();
        return
        [
            new($"{image}: proportional memory of each of 8 machines, 10 s idle", "MiB", shares),
            new($"{image}: memory in use inside the guest", "MiB", [used]),
        ];
    }

    // A kernel argument that no other start has, so that a template is made.
    private static async Task<Metric[]> TemplateAsync(string image)
    {
        using var spans = new SpanCollector();
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Image = image, KernelArguments = $"bench={Guid.NewGuid():N}" }
        );
        double Took(string span) => spans.Metrics.Single(metric => metric.Name == $"span {span}").Median;
        return
        [
            new($"{image}: template: until the booted guest is quiet", "ms", [Took("quiet")]),
            new($"{image}: template: saved", "ms", [Took("save")]),
        ];
    }

    private static async Task<double> MillisecondsAsync(Func<Task> action)
    {
        long began = Stopwatch.GetTimestamp();
        await action();
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static double MebibytesOf(string file, string name) => Mebibytes(File.ReadAllText(file), name);

    private static double Mebibytes(string text, string name) =>
        double.Parse(
            text.Split('\n')
                .First(line => line.StartsWith(name, StringComparison.Ordinal))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture
        ) / 1024;
}
