using FluentAssertions;
using TestHarness;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace Clusters;

// Its first start installs the server for a minute.
[Trait("Speed", "Slow")]
public sealed class DhcpServerTests(Leases leases) : IClassFixture<Leases>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_gets_a_lease_and_the_names_that_the_server_knows()
    {
        await using Cluster cluster = await leases.StartFreshAsync(Token);
        VirtualMachine client = cluster["client"];
        await client.Files.WriteTextAsync("/tmp/lease", "#!/bin/sh\nset > /tmp/lease.$1\n", cancellationToken: Token);

        await client.Shell.RunAsync("chmod +x /tmp/lease && udhcpc -i eth0 -n -q -s /tmp/lease", cancellationToken: Token);

        ShellResult lease = await client.Shell.RunAsync("cat /tmp/lease.bound", cancellationToken: Token);
        lease.StandardOutput.Should().Contain("ip='10.77.1.100'").And.Contain("domain='shop.example'").And.Contain("lease='3600'");
        string server = cluster["server"].Addresses["lan"].ToString();
        (await client.Shell.RunAsync($"nslookup printer.shop.example {server}", cancellationToken: Token))
            .StandardOutput.Should()
            .Contain("10.77.1.7");
        (await cluster["server"].Shell.RunAsync("cat /var/lib/misc/dnsmasq.leases", cancellationToken: Token))
            .StandardOutput.Should()
            .Contain("10.77.1.100");
    }
}

/// <summary>A server of addresses and names, and a client.</summary>
public sealed class Leases : ClusterFixture
{
    private const string Settings = """
        interface=eth0
        no-resolv
        domain=shop.example
        dhcp-range=10.77.1.100,10.77.1.100,1h
        address=/printer.shop.example/10.77.1.7
        """;

    protected override ClusterSpec Spec =>
        new()
        {
            ["server"] = new MachineSpec
            {
                Image = "debian-12",
                Networks = ["lan"],
                Setup = [SetupStep.Install("dnsmasq"), SetupStep.Write("/etc/dnsmasq.d/shop.conf", Settings)],
            },
            ["client"] = new MachineSpec { Networks = ["lan"] },
            Setup = [SetupStep.On("server", SetupStep.Run("systemctl restart dnsmasq")), SetupStep.On("server", SetupStep.WaitForPort(53))],
        };
}
