using System.Text;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Clusters;

/// <summary>Packets of real machines as evidence, and schedules of what their network does to them.</summary>
[Collection("Clusters")]
public sealed class PacketTests(TwoTiny two) : IClassFixture<TwoTiny>
{
    private ClusterNetwork Lan => two.Cluster.Networks["lan"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_connection_is_seen_with_what_it_carries()
    {
        var hello = new PacketMatch
        {
            From = "a",
            To = "b",
            ToPort = 7001,
            Where = packet => Encoding.UTF8.GetString(packet.Payload.Span) == "hello\n",
        };
        await two.Cluster["b"].Shell.RunAsync("nc -l -p 7001 > /dev/null 2> /dev/null &", cancellationToken: Token);
        await two.Cluster["b"].Shell.WaitUntilSucceedsAsync("grep -q ':1B59 ' /proc/net/tcp /proc/net/tcp6", cancellationToken: Token);
        Task<CapturedPacket> wait = Lan.WaitForPacketAsync(hello, cancellationToken: Token);

        await two.Cluster["a"].Shell.RunAsync("echo hello | nc -w 5 b 7001", cancellationToken: Token);

        CapturedPacket found = await wait;
        CardAddress a = two.Cluster["a"].Addresses["lan"];
        (found.Protocol, a.Addresses.Contains(found.FromAddress!)).Should().Be((PacketProtocol.Tcp, true));
        // Whoever was asked has answered.
        Lan.Should()
            .HaveSeen(
                new PacketMatch
                {
                    From = "b",
                    To = "a",
                    ToPort = found.FromPort,
                }
            )
            .And.HaveSeen(hello)
            .And.NotHaveSeen(new PacketMatch { ToPort = 7002 });
    }

    [Fact]
    public async Task What_is_lost_on_its_way_was_seen_and_has_no_answer()
    {
        await two.Cluster["a"].Shell.RunAsync("ping -c 1 -W 3 10.77.1.11", cancellationToken: Token);
        Lan.Partition(["a"], ["b"]);
        await two.Cluster["a"].Shell.TryRunAsync("nc -w 1 10.77.1.11 7003 < /dev/null", cancellationToken: Token);
        Lan.Heal();

        Lan.Should()
            .HaveSeen(
                new PacketMatch
                {
                    From = "a",
                    ToPort = 7003,
                    ToAddress = two.Cluster["b"].Addresses["lan"].IPv4,
                }
            )
            .And.NotHaveSeen(new PacketMatch { From = "b", FromPort = 7003 });
    }

    [Fact]
    public async Task A_wait_for_a_machine_that_dies_ends_at_once_and_one_in_vain_says_what_was_seen()
    {
        await using VirtualMachine gone = await two.Cluster.AddAsync(
            "gone",
            new MachineSpec { Networks = ["lan"] },
            cancellationToken: Token
        );
        Task<CapturedPacket> wait = Lan.WaitForPacketAsync(new PacketMatch { From = "gone", ToPort = 7004 }, cancellationToken: Token);
        await gone.Shell.RunAsync("ping -c 1 -W 3 a", cancellationToken: Token);

        await gone.KillAsync();

        (await wait.Awaiting(task => task).Should().ThrowAsync<MachineExitedException>()).WithMessage("*'lan'*from gone to port 7004*");
        // What it sent is there yet.
        (await Lan.WaitForPacketAsync(new PacketMatch { From = "gone", To = "a" }, cancellationToken: Token)).Should().NotBeNull();
        WaitTimeoutException thrown = (
            await Lan.Awaiting(lan => lan.WaitForPacketAsync(new PacketMatch { ToPort = 7004 }, TimeSpan.FromMilliseconds(300), Token))
                .Should()
                .ThrowAsync<WaitTimeoutException>()
        ).Which;
        thrown.Message.Should().Contain("'lan' to carry a packet to port 7004").And.Contain("Last seen:").And.Contain("Seed");
    }

    [Fact]
    public async Task A_schedule_cuts_and_joins_while_traffic_flows()
    {
        long before = Cut();
        await using NetworkSchedule schedule = Lan.Schedule(
            NetworkStep.After(TimeSpan.Zero, lan => lan.Partition(["a"], ["b"])),
            NetworkStep.After(TimeSpan.FromSeconds(1), lan => lan.Heal()),
            NetworkStep.After(TimeSpan.FromSeconds(1), lan => lan.UnplugAsync("b")),
            NetworkStep.After(TimeSpan.FromSeconds(1.2), lan => lan.PlugAsync("b"))
        );

        await two.Cluster["a"].Shell.TryRunAsync("ping -c 5 -i 0.2 -W 1 10.77.1.11", cancellationToken: Token);
        await schedule.WaitAsync(cancellationToken: Token);

        (await two.Cluster["a"].Shell.TryRunAsync("ping -c 1 -W 3 b", cancellationToken: Token)).Should().Succeed();
        Cut().Should().BeGreaterThan(before);
        MachineEvidence evidence = await two.Cluster["b"].CollectEvidenceAsync(Token);
        evidence
            .Events.Where(one => one.Kind == MachineEventKind.Network)
            .Select(one => one.What)
            .Should()
            .ContainInOrder(
                "lan: schedule: step 1 of 4, after 0s",
                "lan: partition a | b",
                "lan: schedule: step 2 of 4, after 1s",
                "lan: heal",
                "lan: unplug b",
                "lan: plug b"
            );

        long Cut() => Lan.Traffic["b"].Drops.GetValueOrDefault(DropCause.Cut) + Lan.Traffic["a"].Drops.GetValueOrDefault(DropCause.Cut);
    }
}
