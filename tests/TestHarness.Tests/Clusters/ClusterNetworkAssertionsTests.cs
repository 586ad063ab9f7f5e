using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Tests.Networks;
using Xunit;

namespace TestHarness.Tests.Clusters;

public sealed class ClusterNetworkAssertionsTests
{
    private static readonly PacketMatch ToDb = new()
    {
        From = "web",
        To = "db",
        ToPort = 5432,
        Protocol = PacketProtocol.Tcp,
    };

    [Fact]
    public async Task What_was_seen_is_there_with_what_it_carried()
    {
        await using var two = new NetworkOfTwo();
        two.SendTcp(80);
        two.SendTcp(5432, 7, 8);
        two.SendTcp(5432, 9);

        two.Network.Should().HaveSeen(ToDb).Which.Payload.ToArray().Should().Equal(7, 8);
        two.Network.Should().NotHaveSeen(new PacketMatch { From = "db" }).And.HaveSeen(new PacketMatch { ToPort = 80 });
    }

    [Fact]
    public async Task What_was_not_seen_fails_with_what_was()
    {
        await using var two = new NetworkOfTwo();
        two.SendTcp(80);
        two.Send("db", Frames.Arp(NetworkOfTwo.CardOf("db"), "10.77.1.10", "10.77.1.11"));

        two.Network.Invoking(one => one.Should().HaveSeen(ToDb, "it {0}", "asks"))
            .Should()
            .Throw<Exception>()
            .WithMessage(
                "Expected network 'lan' to have seen a packet (Tcp) from web to db port 5432 because it asks, but it keeps none such of\n"
                    + "2 packets\nweb to db: 1 Tcp\ndb to others: 1 Arp"
            );
    }

    [Fact]
    public async Task What_was_seen_against_expectation_is_listed()
    {
        await using var two = new NetworkOfTwo();
        for (int count = 0; count < 7; count++)
            two.SendTcp(5432);

        string message = two
            .Network.Invoking(one => one.Should().NotHaveSeen(ToDb, "the port is closed"))
            .Should()
            .Throw<Exception>()
            .Which.Message;

        message
            .Should()
            .StartWith("Expected network 'lan' not to have seen a packet (Tcp) from web to db port 5432 because the port is closed");
        message.Split('\n')[1..^1].Should().HaveCount(5).And.OnlyContain(line => line.EndsWith("to db 10.77.1.10:5432, Tcp, 54 bytes"));
        message.Should().EndWith("\nand more");
    }
}
