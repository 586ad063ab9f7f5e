using System.Net;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Clusters;

public sealed class ClusterSpecTests
{
    [Fact]
    public void A_cluster_that_is_only_described_has_its_machines_networks_and_addresses()
    {
        var cluster = new Cluster(
            new ClusterSpec
            {
                ["db"] = new MachineSpec { Networks = ["lan"] },
                ["web"] = new MachineSpec { Cards = [new Card("lan")], Network = NetworkMode.Internet },
                Networks = new Dictionary<string, NetworkSpec> { ["lan"] = new() { Mtu = 9000 } },
                Seed = 5,
            }
        );

        cluster.Machines.Keys.Should().Equal("db", "web");
        cluster["db"].Spec.Network.Should().Be(NetworkMode.None);
        cluster["db"].Spec.Hostname.Should().Be("db");
        cluster["web"].Spec.Network.Should().Be(NetworkMode.Internet);
        cluster["web"].Addresses["lan"].Mtu.Should().Be(9000);
        (cluster.Seed, cluster.IsStarted, cluster.ToString()).Should().Be((5, false, "db, web"));
        cluster.Invoking(one => one["other"]).Should().Throw<KeyNotFoundException>().WithMessage("*\"other\"*db, web*");
    }

    [Fact]
    public void Names_every_mistake_of_a_cluster()
    {
        var spec = new ClusterSpec
        {
            ["1st"] = new MachineSpec { Networks = ["lan"] },
            ["db"] = new MachineSpec { Networks = ["lan"], Spares = 1 },
            Networks = new Dictionary<string, NetworkSpec>
            {
                ["lan"] = new()
                {
                    Mtu = 100,
                    CaptureMiB = -1,
                    Subnet = IPNetwork.Parse("fd00::/64"),
                    Subnet6 = IPNetwork.Parse("10.0.0.0/8"),
                },
                ["nobody"] = new(),
            },
        };

        FluentActions
            .Invoking(() => new Cluster(spec))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*7 mistake(s)*\"1st\"*Spares*fd00::/64*10.0.0.0/8*MTU 100*CaptureMiB -1*\"nobody\"*");
        var nulls = new ClusterSpec
        {
            ["a"] = new MachineSpec(),
            Networks = null!,
            Setup = [null!],
        };
        FluentActions
            .Invoking(() => new Cluster(nulls))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*Networks is null*Setup?0? is null*");
        var setup = new ClusterSpec
        {
            ["a"] = new MachineSpec(),
            Setup = [SetupStep.Run("true"), SetupStep.On("b", SetupStep.Run("")), SetupStep.WaitUntil("", (_, _) => Task.FromResult(true))],
        };
        FluentActions
            .Invoking(() => new Cluster(setup))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*4 mistake(s)*Setup[0]*\"b\"*empty command*Setup[2]*");
        FluentActions
            .Invoking(() => new VirtualMachine(new MachineSpec { Setup = [SetupStep.On("b", SetupStep.Run("true"))] }))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*ClusterSpec.Setup*");
        FluentActions.Invoking(() => new Cluster(new ClusterSpec())).Should().Throw<ArgumentException>().WithMessage("*no machine*");
    }

    [Fact]
    public void Names_every_mistake_of_a_machines_cards()
    {
        var spec = new MachineSpec
        {
            Networks = ["lan", "lan", "9"],
            Cards =
            [
                new Card("a")
                {
                    Mtu = 10_000,
                    Mac = MacAddress.Parse("01:00:00:00:00:00"),
                    Addresses = [IPAddress.Loopback, IPAddress.Loopback],
                },
            ],
        };

        FluentActions
            .Invoking(() => new VirtualMachine(spec))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*\"9\"*10000*01:00:00:00:00:00*127.0.0.1*\"lan\" is there twice*");
    }

    [Fact]
    public void Names_every_mistake_of_conditions_and_of_machines_that_are_not_there()
    {
        var cluster = new Cluster(
            new ClusterSpec
            {
                ["a"] = new MachineSpec { Networks = ["lan"] },
                ["b"] = new MachineSpec { Networks = ["lan"] },
            }
        );
        ClusterNetwork lan = cluster.Networks["lan"];

        lan.Invoking(one =>
                one.Set(
                    new LinkConditions
                    {
                        Loss = 2,
                        LossBurst = 0,
                        Latency = TimeSpan.FromSeconds(-1),
                        BitsPerSecond = 0,
                    }
                )
            )
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*4 mistake(s)*Loss is 2*Latency*LossBurst*BitsPerSecond*");
        lan.Invoking(one => one.Between("a", "c")).Should().Throw<ArgumentException>().WithMessage("*\"c\"*\"lan\"*a, b*");
        lan.Invoking(one => one.Partition(["a"], ["a", "b"])).Should().Throw<ArgumentException>();
        lan.Invoking(one => one.Partition(["a"], null!)).Should().Throw<ArgumentException>().WithMessage("A group is null*");
        lan.Invoking(one => one.Partition(["a", "b"])).Should().Throw<ArgumentException>();
        lan.Invoking(one => one.Between("a", "b").To("a")).Should().Throw<InvalidOperationException>();
    }
}
