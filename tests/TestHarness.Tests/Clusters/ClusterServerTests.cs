using System.Net;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Clusters;

public sealed class ClusterServerTests
{
    private static readonly MachineSpec Lacking = new() { Networks = ["lan"], GuestAccess = GuestAccess.None };
    private static readonly MachineSpec Having = new() { Networks = ["lan"] };

    [Fact]
    public async Task The_switch_answers_where_a_machine_lacks_the_agent_and_says_so()
    {
        await using var cluster = new Cluster(
            new ClusterSpec { ["web"] = Having with { Networks = ["lan", "storage"] }, ["legacy"] = Lacking }
        );

        NetworkServer server = cluster.Networks["lan"].Server!;
        ($"{server.IPv4}", $"{server.IPv6}").Should().Be(("10.77.1.1", "fd77:7e57:0:1::1"));
        server.Reason.Should().Contain("legacy");
        cluster.Networks["storage"].Server.Should().BeNull();
        cluster["legacy"].Addresses["lan"].IPv6.ToString().Should().StartWith("fd77:7e57:0:1:5054:");
        foreach (VirtualMachine machine in cluster.Machines.Values)
            machine
                .Operations.Record.Events.ToList()
                .Select(one => one.What)
                .Should()
                .ContainSingle()
                .Which.Should()
                .Be($"lan: the switch answers DHCP, router solicitations and DNS at 10.77.1.1 and fd77:7e57:0:1::1: {server.Reason}");
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(null, false)]
    public async Task Where_all_have_the_agent_it_answers_if_it_is_asked_to(bool? asked, bool answers)
    {
        await using Cluster cluster = With(asked, Having);

        (cluster.Networks["lan"].Server is not null).Should().Be(answers);
        cluster["one"].Addresses["lan"].IPv6.ToString().Should().Be("fd77:7e57:0:1::a");
    }

    [Fact]
    public async Task It_keeps_out_where_a_machine_of_the_network_is_its_server()
    {
        await using Cluster cluster = With(dhcp: false, Lacking);

        cluster.Networks["lan"].Server.Should().BeNull();
        cluster["one"].Addresses["lan"].IPv6.ToString().Should().Be("fd77:7e57:0:1::a");
    }

    [Fact]
    public async Task It_leaves_a_router_the_first_address()
    {
        await using Cluster cluster = With(
            dhcp: true,
            new MachineSpec { Cards = [new Card("lan") { Addresses = [IPAddress.Parse("10.77.1.1")] }] }
        );

        cluster.Networks["lan"].Server!.IPv4.ToString().Should().Be("10.77.1.2");
    }

    [Fact]
    public void A_set_up_step_needs_a_guest_that_answers() =>
        FluentActions
            .Invoking(() => new Cluster(new ClusterSpec { ["legacy"] = Lacking, Setup = [SetupStep.On("legacy", SetupStep.Run("true"))] }))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*Setup?0?*GuestAccess is None*");

    private static Cluster With(bool? dhcp, MachineSpec machine) =>
        new(
            new ClusterSpec
            {
                ["one"] = machine,
                Networks = new Dictionary<string, NetworkSpec> { ["lan"] = new() { Dhcp = dhcp } },
            }
        );
}
