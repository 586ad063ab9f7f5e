using System.Globalization;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Clusters;

/// <summary>Real machines that meet on networks of the test's process.</summary>
[Collection("Clusters")]
public sealed class ClusterTests(TwoTiny two) : IClassFixture<TwoTiny>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Machines_reach_each_other_by_name_and_address_of_both_families()
    {
        VirtualMachine a = two.Cluster["a"],
            b = two.Cluster["b"];

        string[] targets = ["b", "b.lan", $"{b.Addresses["lan"]}", $"{b.Addresses["lan"].IPv6}"];
        foreach (string target in targets)
            (await a.Shell.TryRunAsync($"ping -c 1 -W 2 {target}", cancellationToken: Token)).Should().Succeed(target);
        (await b.Shell.TryRunAsync("ping -c 1 -W 2 a > /dev/null && hostname", cancellationToken: Token))
            .Should()
            .Succeed()
            .And.HaveOutput("b");
        (await a.Shell.TryRunAsync("ping -c 1 -W 1 10.77.1.99", cancellationToken: Token)).ExitCode.Should().NotBe(0);

        string links = await OutputOfAsync(a, "ip link");
        links.Should().Contain(MacAddress.For("a.lan").ToString()).And.NotContain("eth1", "it has no other card");
        a.Addresses["lan"].Addresses.Select(address => address.ToString()).Should().Equal("10.77.1.10", "fd77:7e57:0:1::a");
    }

    [Fact]
    public async Task A_stream_arrives_as_it_was_sent()
    {
        VirtualMachine a = two.Cluster["a"],
            b = two.Cluster["b"];
        // It ends with its input.
        await b.Shell.RunAsync("sleep 999 2> /dev/null | nc -l -p 7000 > /dev/shm/got 2> /dev/null &", cancellationToken: Token);
        // It takes one connection alone, so none is tried: 1B58 is 7000.
        await b.Shell.WaitUntilSucceedsAsync("grep -q ':1B58 ' /proc/net/tcp /proc/net/tcp6", cancellationToken: Token);
        await a.Shell.RunAsync("head -c 4000000 /dev/urandom > /dev/shm/sent && nc b 7000 < /dev/shm/sent", cancellationToken: Token);

        string sent = await OutputOfAsync(a, "sha256sum < /dev/shm/sent");
        await b.Shell.WaitUntilSucceedsAsync("test $(wc -c < /dev/shm/got) = 4000000", cancellationToken: Token);
        (await OutputOfAsync(b, "sha256sum < /dev/shm/got")).Should().Be(sent);
        two.Cluster.Networks["lan"].Traffic["a"].BytesSent.Should().BeGreaterThan(4_000_000);
    }

    [Fact]
    public async Task Latency_counts_once_each_way_and_ends_with_it()
    {
        ClusterNetwork lan = two.Cluster.Networks["lan"];
        double before = await MedianPingAsync(20);

        lan.Between("a", "b").Set(new LinkConditions { Latency = TimeSpan.FromMilliseconds(50) });
        double with = await MedianPingAsync(5);
        lan.Between("a", "b").Clear();
        double after = await MedianPingAsync(5);

        (with - before).Should().BeInRange(98, 125, "there and back");
        after.Should().BeLessThan(30);
    }

    [Fact]
    public async Task A_partition_cuts_and_a_heal_joins_and_both_are_in_the_timeline()
    {
        ClusterNetwork lan = two.Cluster.Networks["lan"];

        lan.Partition(["a"], ["b"]);
        int cut = (await two.Cluster["a"].Shell.TryRunAsync("ping -c 1 -W 1 b", cancellationToken: Token)).ExitCode;
        lan.Heal();

        cut.Should().NotBe(0);
        (await two.Cluster["a"].Shell.TryRunAsync("ping -c 1 -W 3 b", cancellationToken: Token)).Should().Succeed();
        lan.Traffic["b"].Drops.Should().ContainKey(DropCause.Cut);
        MachineEvidence evidence = await two.Cluster["b"].CollectEvidenceAsync(Token);
        evidence
            .Events.Where(one => one.Kind == MachineEventKind.Network)
            .Select(one => one.What)
            .Should()
            .Contain(["lan: partition a | b", "lan: heal"]);
    }

    [Fact]
    public async Task A_pulled_cable_shows_in_the_guest()
    {
        ClusterNetwork lan = two.Cluster.Networks["lan"];
        const string Carrier = "cat /sys/class/net/eth0/carrier";

        await lan.UnplugAsync("a", Token);
        string pulled = await OutputOfAsync(two.Cluster["a"], Carrier);
        await lan.PlugAsync("a", Token);

        pulled.Trim().Should().Be("0");
        (await OutputOfAsync(two.Cluster["a"], Carrier)).Trim().Should().Be("1");
        (await two.Cluster["a"].Shell.TryRunAsync("ping -c 1 -W 3 b", cancellationToken: Token)).Should().Succeed();
    }

    [Fact]
    public async Task A_machine_that_is_rebooted_or_put_back_is_there_again_by_its_name()
    {
        VirtualMachine a = two.Cluster["a"],
            b = two.Cluster["b"];
        await b.CheckpointAsync("before", Token);
        await b.RebootAsync(cancellationToken: Token);
        (await a.Shell.TryRunAsync("ping -c 1 -W 3 b", cancellationToken: Token)).Should().Succeed("it was rebooted");
        (await b.Shell.TryRunAsync("ping -c 1 -W 3 a", cancellationToken: Token)).Should().Succeed("it was rebooted");
    }

    [Theory, Cluster(typeof(TwoTiny))]
    public async Task Each_run_of_a_theory_has_a_cluster_of_its_own(Cluster cluster)
    {
        cluster.Should().NotBeSameAs(two.Cluster);
        (await cluster["a"].Shell.TryRunAsync("ping -c 1 -W 2 b", cancellationToken: Token)).Should().Succeed();
        two.Cluster["a"].State.Should().Be(MachineState.Running);
    }

    private static async Task<string> OutputOfAsync(VirtualMachine vm, string command) =>
        (await vm.Shell.RunAsync(command, cancellationToken: Token)).StandardOutput;

    // In milliseconds.
    private async Task<double> MedianPingAsync(int count)
    {
        string output = await OutputOfAsync(two.Cluster["a"], $"ping -c {count} -i 0.2 b");
        double[] times =
        [
            .. output
                .Split('\n')
                .Where(line => line.Contains("time=", StringComparison.Ordinal))
                .Select(line => double.Parse(line.Split("time=")[1].Split(' ')[0], CultureInfo.InvariantCulture))
                .Order(),
        ];
        return times[times.Length / 2];
    }
}

/// <summary>Two machines on one network for all tests of a class, which leave the network as it was.</summary>
public sealed class TwoTiny : ClusterFixture
{
    protected override ClusterSpec Spec =>
        new()
        {
            ["a"] = new MachineSpec { Networks = ["lan"] },
            ["b"] = new MachineSpec { Networks = ["lan"] },
        };
}
