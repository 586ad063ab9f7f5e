using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Clusters;

/// <summary>What the switch itself answers, asked by real clients.</summary>
[Collection("Clusters")]
public sealed class DhcpTests(Served served) : IClassFixture<Served>
{
    // What udhcpc calls: the card's address, its MTU, and the name server.
    private const string MakeScript = """
        printf '#!/bin/sh\ncase $1 in deconfig) ifconfig $interface 0.0.0.0;; bound) ifconfig $interface $ip netmask $subnet mtu $mtu; printf "search ${search:-$domain}\\nnameserver $dns\\n" > /etc/resolv.conf;; esac\n' > /tmp/ask; chmod +x /tmp/ask
        """;

    private const string Ask = "udhcpc -i eth0 -n -q -s /tmp/ask";

    private static readonly MachineSpec Lacking = new() { Networks = ["lan"], GuestAccess = GuestAccess.None };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_guest_that_asks_gets_its_own_address_and_the_others_names()
    {
        VirtualMachine asks = served.Cluster["asks"];
        // So that no name is known but by DNS.
        await asks.Shell.RunAsync($": > /etc/hosts; {MakeScript}", cancellationToken: Token);

        ShellResult asked = await asks.Shell.TryRunAsync(Ask, cancellationToken: Token);

        asked.Should().Succeed();
        asked.StandardError.Should().Contain("lease of 10.77.1.10 obtained");
        string card = await OutputOfAsync(asks, "ip address show eth0; ip route; cat /etc/resolv.conf");
        card.Should().Contain("inet 10.77.1.10/24").And.Contain("mtu 1400").And.Contain("search lan\nnameserver 10.77.1.1\n");
        card.Should().NotContain("default", "nothing is routed");
        string found = await OutputOfAsync(asks, "nslookup db.lan");
        found.Should().Contain("10.77.1.11").And.Contain("fd77:7e57:0:1::b");
        foreach (string command in (string[])["ping -c 1 -W 2 db", "ping -c 1 -W 2 10.77.1.1", "ping -c 1 -W 2 fd77:7e57:0:1::1"])
            (await asks.Shell.TryRunAsync(command, cancellationToken: Token)).Should().Succeed(command);
    }

    [Fact]
    public async Task A_name_that_is_nobodys_is_told_at_once()
    {
        VirtualMachine other = served.Cluster["db"];
        await other.Shell.RunAsync("printf 'search lan\\nnameserver 10.77.1.1\\n' > /etc/resolv.conf", cancellationToken: Token);
        long began = TimeProvider.System.GetTimestamp();

        ShellResult result = await other.Shell.TryRunAsync("ping -c 1 nobody", cancellationToken: Token);

        result.ExitCode.Should().NotBe(0);
        result.StandardError.Should().Contain("bad address");
        // A resolver that gets no answer waits for five seconds.
        TimeProvider.System.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(4));
    }

    [Fact]
    public async Task A_guest_that_sends_it_rubbish_keeps_nobody_from_an_answer()
    {
        VirtualMachine rogue = served.Cluster["rogue"],
            other = served.Cluster["db"];
        await using GuestProcess rubbish = await rogue.Shell.StartAsync(
            "for port in 67 53 67 53; do for size in 1 12 240 300 1400 20000; do "
                + "(while true; do head -c $size /dev/urandom | nc -u -w 1 10.77.1.1 $port > /dev/null 2>&1; done) & done; done; wait",
            cancellationToken: Token
        );

        await other.Shell.RunAsync(MakeScript, cancellationToken: Token);
        ShellResult asked = await other.Shell.TryRunAsync($"{Ask} && nslookup asks.lan 10.77.1.1", cancellationToken: Token);
        await rubbish.KillAsync(Token);

        asked.Should().Succeed();
        asked.StandardOutput.Should().Contain("10.77.1.10");
        served.Cluster.Networks["lan"].Traffic["the switch"].FramesReceived.Should().BeGreaterThan(0);
    }

    // It boots.
    [Fact, Trait("Speed", "Slow")]
    public async Task A_machine_without_the_agent_joins_and_is_reached_by_its_name()
    {
        await using Cluster cluster = await Cluster.StartAsync(
            new ClusterSpec { ["web"] = new MachineSpec { Networks = ["lan"] } },
            cancellationToken: Token
        );
        cluster.Networks["lan"].Server.Should().BeNull("all have the agent");

        VirtualMachine legacy = await cluster.AddAsync("legacy", Lacking, cancellationToken: Token);

        cluster.Networks["lan"].Server!.Reason.Should().Contain("legacy");
        await legacy.Console.LoginAsync("root", cancellationToken: Token);
        await TypeAsync(legacy, $"{MakeScript}; until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done; {Ask}");
        await IsReachedAsync(cluster["web"], legacy);
        await TypeAsync(legacy, "ping -c 1 -W 2 web");
        (await cluster["web"].CollectEvidenceAsync(Token))
            .Events.Select(one => one.What)
            .Should()
            .Contain(what => what.StartsWith("lan: the switch answers DHCP", StringComparison.Ordinal));
    }

    // Debian boots.
    [Fact, Trait("Speed", "Slow")]
    public async Task An_image_that_asks_by_itself_needs_nothing_else()
    {
        await using Cluster cluster = await Cluster.StartAsync(
            new ClusterSpec
            {
                ["web"] = new MachineSpec { Networks = ["lan"] },
                ["cloud"] = Lacking with
                {
                    Image = "debian-12-cloud",
                    CloudInit = new CloudInit { UserData = "#cloud-config\n{}\n" },
                },
            },
            cancellationToken: Token
        );

        await IsReachedAsync(cluster["web"], cluster["cloud"]);
    }

    // Debian boots.
    [Fact, Trait("Speed", "Slow")]
    public async Task Systemd_asks_as_well()
    {
        await using Cluster cluster = await Cluster.StartAsync(
            new ClusterSpec
            {
                ["web"] = new MachineSpec { Networks = ["lan"] },
                ["legacy"] = Lacking with { Image = "debian-12" },
            },
            cancellationToken: Token
        );
        await cluster["legacy"].Console.LoginAsync("root", cancellationToken: Token);

        await TypeAsync(
            cluster["legacy"],
            "printf '[Match]\\nName=e*\\n[Network]\\nDHCP=ipv4\\n' > /etc/systemd/network/lan.network; systemctl start systemd-networkd"
        );

        await IsReachedAsync(cluster["web"], cluster["legacy"]);
    }

    // By both families, at the addresses that it is said to have.
    private static async Task IsReachedAsync(VirtualMachine by, VirtualMachine machine)
    {
        CardAddress there = machine.Addresses["lan"];
        string name = machine.Spec.Hostname!;
        await by.Shell.WaitUntilSucceedsAsync(
            $"ping -c 1 -W 1 {there.IPv4} && ping -c 1 -W 1 {there.IPv6} && ping -c 1 -W 1 {name} && ping -c 1 -W 1 {name}.lan",
            TimeSpan.FromMinutes(4),
            cancellationToken: Token
        );
    }

    private static async Task TypeAsync(VirtualMachine machine, string command)
    {
        // What is typed is shown, too, but not with a 0 there.
        await machine.Console.WriteLineAsync($"{command}; echo it-ended-with-$?", Token);
        await machine.Console.WaitForAsync("it-ended-with-0", TimeSpan.FromMinutes(1), Token);
    }

    private static async Task<string> OutputOfAsync(VirtualMachine vm, string command) =>
        (await vm.Shell.RunAsync(command, cancellationToken: Token)).StandardOutput;
}

/// <summary>Machines with the agent on a network whose switch answers all the same.</summary>
public sealed class Served : ClusterFixture
{
    protected override ClusterSpec Spec =>
        new()
        {
            ["asks"] = new MachineSpec { Networks = ["lan"] },
            ["db"] = new MachineSpec { Networks = ["lan"] },
            ["rogue"] = new MachineSpec { Networks = ["lan"] },
            Networks = new Dictionary<string, NetworkSpec>
            {
                ["lan"] = new() { Dhcp = true, Mtu = 1400 },
            },
        };
}
