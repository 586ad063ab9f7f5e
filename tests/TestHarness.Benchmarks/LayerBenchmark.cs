using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace TestHarness.Benchmarks;

/// <summary>What set-ups, forks and saved machines cost.</summary>
internal static class LayerBenchmark
{
    private const int Heirs = 4;

    public static async Task<IReadOnlyList<Metric>> RunAsync(string image, int count) =>
        [
            new($"{image}: {Heirs} heirs of a fork until all have answered", "ms", await ForkAsync(image, forkable: false, count)),
            new($"{image}: the same of one started with Forkable", "ms", await ForkAsync(image, forkable: true, count)),
            .. await LayerAsync(image, count),
            new($"{image}: saved", "ms", await SaveAsync(image, count)),
            .. image == "debian-12" ? await ShopAsync(count) : [],
        ];

    private static async Task<List<double>> ForkAsync(string image, bool forkable, int count)
    {
        var samples = new List<double>();
        while (samples.Count < count)
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image, Forkable = forkable });
            await vm.Shell.RunAsync(["true"]);
            long began = Stopwatch.GetTimestamp();
            VirtualMachine[] heirs = await vm.ForkAsync(Heirs);
            await Task.WhenAll(heirs.Select(heir => heir.Shell.RunAsync(["true"])));
            samples.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            foreach (VirtualMachine heir in heirs)
                await heir.DisposeAsync();
        }

        return samples;
    }

    // Each sample is a step that no layer has; what it takes in a machine that is there, and the wait for quiet, are taken off.
    private static async Task<Metric[]> LayerAsync(string image, int count)
    {
        List<double> beyond = [],
            quiet = [];
        for (int i = 0; i < count; i++)
        {
            var spec = new MachineSpec { Image = image, Setup = [SetupStep.Run($": {Guid.NewGuid():N}")] };
            using var spans = new SpanCollector();
            long began = Stopwatch.GetTimestamp();
            await using VirtualMachine vm = await VirtualMachine.StartAsync(spec);
            double whole = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            double waited = spans.Metrics.First(metric => metric.Name == "span quiet").Samples.Sum();
            began = Stopwatch.GetTimestamp();
            await using VirtualMachine again = await VirtualMachine.StartAsync(spec);
            double start = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            beyond.Add(whole - start - waited);
            quiet.Add(waited);
        }

        return
        [
            new($"{image}: a layer with a step of nothing, beyond the wait for quiet and the start on it", "ms", beyond),
            new($"{image}: wait for quiet before a layer is saved", "ms", quiet),
        ];
    }

    private static async Task<List<double>> SaveAsync(string image, int count)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image });
        var samples = new List<double>();
        while (samples.Count < count)
        {
            long began = Stopwatch.GetTimestamp();
            SavedMachine saved = await vm.SaveAsync("benchmark");
            samples.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            saved.Delete();
        }

        return samples;
    }

    private static async Task<Metric[]> ShopAsync(int count)
    {
        string build = Directory.CreateTempSubdirectory("shop-").FullName;
        // A push gives the guest's folder the same permissions, and the service is another user there.
        File.SetUnixFileMode(build, File.GetUnixFileMode(Folder()));
        foreach (string file in Directory.GetFiles(Path.Combine(Folder(), "Service/bin/Debug/net10.0")))
            File.Copy(file, Path.Combine(build, Path.GetFileName(file)));
        MachineSpec spec = Shop(build);
        await using (await VirtualMachine.StartAsync(spec)) { }

        List<double> page = [],
            service = [],
            changed = [];
        using var client = new HttpClient();
        for (int i = 0; i < count; i++)
        {
            long began = Stopwatch.GetTimestamp();
            await using VirtualMachine vm = await VirtualMachine.StartAsync(spec);
            string address = $"http://{vm.GetForwardedEndPoint(8080)}/";
            await client.GetStringAsync(address);
            page.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await client.GetStringAsync($"{address}shop/health");
            service.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        for (int i = 0; i < Math.Min(count, 3); i++)
        {
            await File.WriteAllTextAsync(Path.Combine(build, "changed.txt"), $"{Guid.NewGuid()}");
            long began = Stopwatch.GetTimestamp();
            await using VirtualMachine vm = await VirtualMachine.StartAsync(spec);
            await client.GetStringAsync($"http://{vm.GetForwardedEndPoint(8080)}/shop/health");
            changed.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        Directory.Delete(build, recursive: true);
        return
        [
            new("examples/Shop: fresh machine to the first HTTP 200 of nginx", "ms", page),
            new("examples/Shop: the same and the service's own first answer", "ms", service),
            new("examples/Shop: with one changed file of the build, the first machine", "ms", changed),
        ];
    }

    // As examples/Shop/Tests/ShopMachine.cs.
    private static MachineSpec Shop(string build) =>
        new()
        {
            Image = "debian-12",
            MemoryMiB = 1024,
            PortForwards = [new PortForward(8080)],
            Setup =
            [
                SetupStep.Install("nginx-light", "postgresql"),
                SetupStep.DotNetRuntime(aspNetCore: true),
                SetupStep.Run("adduser --system --group shop"),
                SetupStep.Run(
                    """
                    runuser -u postgres -- createuser shop
                    runuser -u postgres -- createdb -O shop shop
                    runuser -u shop -- psql -q -d shop -c "create table products (name text); insert into products values ('apples')"
                    """
                ),
                SetupStep.Push(Path.Combine(Folder(), "Service/shop.service"), "/etc/systemd/system/"),
                SetupStep.Push(Path.Combine(Folder(), "Service/nginx.conf"), "/etc/nginx/conf.d/shop.conf"),
                SetupStep.Push($"{build}/", "/opt/shop/"),
                SetupStep.Run("systemctl daemon-reload && systemctl reload nginx && systemctl enable --now shop"),
                SetupStep.WaitForHttp("http://127.0.0.1:8080/shop/health"),
            ],
        };

    private static string Folder([CallerFilePath] string me = "") => Path.GetFullPath("../../examples/Shop", Path.GetDirectoryName(me)!);
}
