using FluentAssertions;
using TestHarness;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace Clusters;

// A Debian of 512 MiB that routes is set up once; its boot alone takes longer than a quick test.
[Trait("Speed", "Slow")]
public sealed class RouterTests(Routed routed) : IClassFixture<Routed>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_router_lets_one_port_through_and_no_other()
    {
        Cluster cluster = routed.Cluster;
        string server = cluster["server"].Addresses["outside"].ToString();
        await using GuestProcess web = await cluster["server"]
            .Shell.StartAsync("while :; do echo hello | nc -l -p 8080; done", cancellationToken: Token);
        await using GuestProcess other = await cluster["server"]
            .Shell.StartAsync("while :; do echo hello | nc -l -p 2323; done", cancellationToken: Token);

        (await cluster["client"].Shell.WaitUntilSucceedsAsync($"nc -w 2 {server} 8080 < /dev/null | grep hello", cancellationToken: Token))
            .Should()
            .HaveOutput("hello");
        (await cluster["client"].Shell.TryRunAsync($"nc -w 2 {server} 2323 < /dev/null", cancellationToken: Token))
            .StandardOutput.Should()
            .BeEmpty();
        (await cluster["router"].Shell.RunAsync("nft list counter inet router blocked", cancellationToken: Token))
            .StandardOutput.Should()
            .NotContain("packets 0 ");
    }
}

/// <summary>A client and a server on two networks, and a router between them.</summary>
public sealed class Routed : ClusterFixture
{
    private const string Rules = """
        table inet router {
            counter blocked { }
            chain forward {
                type filter hook forward priority filter; policy drop;
                ct state established,related accept
                tcp dport 8080 accept
                counter name blocked
            }
        }
        """;

    protected override ClusterSpec Spec =>
        new()
        {
            ["client"] = new MachineSpec { Networks = ["inside"] },
            ["server"] = new MachineSpec { Networks = ["outside"] },
            ["router"] = new MachineSpec
            {
                Image = "debian-12",
                Networks = ["inside", "outside"],
                Setup =
                [
                    SetupStep.Install("nftables"),
                    SetupStep.Write("/etc/nftables.conf", Rules),
                    SetupStep.Run("nft -f /etc/nftables.conf && sysctl -qw net.ipv4.ip_forward=1"),
                ],
            },
            Setup =
            [
                SetupStep.On("client", SetupStep.Run("ip route add default via $(awk '/router.inside/ { print $1; exit }' /etc/hosts)")),
                SetupStep.On("server", SetupStep.Run("ip route add default via $(awk '/router.outside/ { print $1; exit }' /etc/hosts)")),
            ],
        };
}
