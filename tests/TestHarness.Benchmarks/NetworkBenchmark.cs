using System.Diagnostics;
using System.Globalization;

namespace TestHarness.Benchmarks;

/// <summary>What a network of a cluster costs, beside the same two machines with QEMU's sockets joined directly.</summary>
internal static class NetworkBenchmark
{
    private const int Rounds = 5;
    private const int Pings = 100;
    private const int Mebibytes = 64;
    private const int Port = 7001;
    private const UnixFileMode Everybody = (UnixFileMode)0x1FF;

    public static async Task<IReadOnlyList<Metric>> RunAsync()
    {
        List<Metric> metrics = [.. SwitchBenchmark.Run()];
        // QEMU's user makes a socket in it.
        DirectoryInfo folder = Directory.CreateTempSubdirectory("wire-");
        folder.UnixFileMode = Everybody;
        try
        {
            await using Cluster cluster = await Cluster.StartAsync(
                new ClusterSpec
                {
                    ["a"] = new MachineSpec { Networks = ["lan"] },
                    ["b"] = new MachineSpec { Networks = ["lan"] },
                }
            );
            await using VirtualMachine server = await JoinedAsync(folder, isServer: true),
                client = await JoinedAsync(folder, isServer: false);
            metrics.AddRange(
                await MeasureAsync((cluster["a"], cluster["b"], $"{cluster["b"].Addresses["lan"]}"), (client, server, "10.9.0.1"))
            );
            metrics.Add(await LatencyAsync(cluster));
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return metrics;
    }

    private static async Task<IReadOnlyList<Metric>> MeasureAsync(
        (VirtualMachine From, VirtualMachine To, string Address) ours,
        (VirtualMachine From, VirtualMachine To, string Address) joined
    )
    {
        string program = await BuildAsync();
        foreach (VirtualMachine vm in (VirtualMachine[])[ours.From, ours.To, joined.From, joined.To])
            await vm.Files.PushAsync(program, "/tmp/flow");
        List<double> ourPings = [],
            joinedPings = [],
            ourFlows = [],
            joinedFlows = [];
        for (int round = 0; round < Rounds; round++)
        {
            ourPings.Add(await PingAsync(ours.From, ours.Address));
            joinedPings.Add(await PingAsync(joined.From, joined.Address));
            ourFlows.Add(await FlowAsync(ours.From, ours.To, ours.Address));
            joinedFlows.Add(await FlowAsync(joined.From, joined.To, joined.Address));
        }

        return
        [
            new Metric($"ping between two tiny, mean of {Pings}, our switch", "ms", ourPings),
            new Metric("the same, socket to socket", "ms", joinedPings),
            new Metric("ratio of the two (1.35 at most)", "", [.. ourPings.Zip(joinedPings, (our, other) => our / other)]),
            new Metric($"TCP of {Mebibytes} MiB between two tiny, our switch", "MiB/s", ourFlows),
            new Metric("the same, socket to socket", "MiB/s", joinedFlows),
            new Metric("ratio of the two (0.85 at least)", "", [.. ourFlows.Zip(joinedFlows, (our, other) => our / other)]),
        ];
    }

    private static async Task<Metric> LatencyAsync(Cluster cluster)
    {
        string address = $"{cluster["b"].Addresses["lan"]}";
        List<double> added = [];
        for (int round = 0; round < Rounds; round++)
        {
            double before = await PingAsync(cluster["a"], address);
            cluster.Networks["lan"].From("a").To("b").Set(new LinkConditions { Latency = TimeSpan.FromMilliseconds(50) });
            added.Add(await PingAsync(cluster["a"], address, count: 20) - before);
            cluster.Networks["lan"].Clear();
        }

        return new Metric("50 ms of latency one way: ping over what it was (50 to 53)", "ms", added);
    }

    private static async Task<double> PingAsync(VirtualMachine from, string address, int count = Pings)
    {
        ShellResult result = await from.Shell.RunAsync($"ping -q -i 0.01 -c {count} {address}");
        // round-trip min/avg/max = 0.5/0.6/0.9 ms
        return double.Parse(result.StandardOutput.Split(" = ")[1].Split('/')[1], CultureInfo.InvariantCulture);
    }

    private static async Task<double> FlowAsync(VirtualMachine from, VirtualMachine to, string address)
    {
        await using GuestProcess reader = await to.Shell.StartAsync($"/tmp/flow {Port}");
        await to.Shell.WaitUntilSucceedsAsync($"grep -q ':{Port:X} ' /proc/net/tcp");
        ShellResult result = await from.Shell.RunAsync($"/tmp/flow {address} {Port} {Mebibytes}");
        return double.Parse(result.StandardOutput, CultureInfo.InvariantCulture);
    }

    private static async Task<VirtualMachine> JoinedAsync(DirectoryInfo folder, bool isServer)
    {
        int number = isServer ? 1 : 2;
        string role = isServer ? "true" : "false";
        VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec
            {
                Network = NetworkMode.None,
                Start = StartMode.Cold,
                ExtraQemuArguments =
                [
                    "-netdev",
                    $$$"""{"type":"stream","id":"wire","server":{{{role}}},"addr":{"type":"unix","path":"{{{folder.FullName}}}/wire"}}""",
                    "-device",
                    $$"""{"driver":"virtio-net-pci","netdev":"wire","mac":"52:54:00:00:00:0{{number}}","romfile":""}""",
                ],
            }
        );
        await vm.Shell.RunAsync($"ip addr add 10.9.0.{number}/24 dev eth0 && ip link set eth0 up");
        return vm;
    }

    private static async Task<string> BuildAsync()
    {
        string program = Path.Combine(Path.GetTempPath(), $"flow-{Environment.ProcessId}");
        using Process compiler = Process.Start(
            new ProcessStartInfo("musl-gcc", ["-O2", "-static", "-o", program, Path.Combine(AppContext.BaseDirectory, "flow.c")])
        )!;
        await compiler.WaitForExitAsync();
        return compiler.ExitCode == 0 ? program : throw new InvalidOperationException($"musl-gcc ended with {compiler.ExitCode}.");
    }
}
