using System.Net;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;

namespace TestHarness.Tests.Agents;

public sealed class AgentRequestsTests
{
    [Fact]
    public void Writes_every_field_of_a_command()
    {
        var command = new AgentCommand(["a", "", "ü"])
        {
            Environment = new Dictionary<string, string> { ["N"] = "v" },
            WorkingDirectory = "/d",
            User = "u",
            Terminal = new AgentTerminal(80, 24),
        };

        byte[] expected =
        [
            (byte)'A',
            1,
            0,
            0,
            0,
            (byte)'a',
            (byte)'A',
            0,
            0,
            0,
            0,
            (byte)'A',
            2,
            0,
            0,
            0,
            0xc3,
            0xbc,
            (byte)'E',
            3,
            0,
            0,
            0,
            (byte)'N',
            (byte)'=',
            (byte)'v',
            (byte)'D',
            2,
            0,
            0,
            0,
            (byte)'/',
            (byte)'d',
            (byte)'U',
            1,
            0,
            0,
            0,
            (byte)'u',
            (byte)'P',
            4,
            0,
            0,
            0,
            80,
            0,
            24,
            0,
        ];
        AgentRequests.Run(command).Should().Equal(expected);
        AgentRequests
            .Run(new AgentCommand(["a"]) { TakesInput = false })
            .Should()
            .Equal((byte)'A', 1, 0, 0, 0, (byte)'a', (byte)'N', 0, 0, 0, 0);
    }

    public static TheoryData<object> Impossible =>
        [
            new AgentCommand([]),
            new AgentCommand([""]),
            new AgentCommand(["a\0b"]),
            new AgentCommand(["a", new string('x', 70_000)]),
            new AgentCommand(["a"]) { WorkingDirectory = "/\0" },
            new AgentCommand(["a"]) { Environment = new Dictionary<string, string> { ["A=B"] = "" } },
            new AgentCommand(["a"]) { Environment = new Dictionary<string, string> { [""] = "" } },
        ];

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Refuses_a_command_that_cannot_be_sent(object command)
    {
        Action write = () => AgentRequests.Run((AgentCommand)command);

        write.Should().Throw<ArgumentException>();
    }

    [Fact]
    public void Refuses_numbers_that_the_protocol_cannot_carry()
    {
        Action[] writes =
        [
            () => AgentRequests.Size(new AgentTerminal(65536, 24)),
            () => AgentRequests.Size(new AgentTerminal(80, -1)),
            () => AgentRequests.Address("", 65536),
            () => AgentRequests.Address("", -1),
            () => AgentRequests.Settle(1, new AgentSettlement { Clock = DateTimeOffset.MaxValue }),
            () => AgentRequests.Settle(1, new AgentSettlement { Clock = DateTimeOffset.MinValue }),
            () => AgentRequests.Settle(1, new AgentSettlement { Seed = new byte[65536] }),
            () => AgentRequests.Settle(1, new AgentSettlement { Networks = new AgentNetworks([], new string('a', 65536)) }),
            () => AgentRequests.Run(new AgentCommand([.. Enumerable.Repeat("a", 20_000)])),
        ];

        foreach (Action write in writes)
            write.Should().Throw<ArgumentException>();
    }

    [Fact]
    public void Asks_only_for_what_is_given_when_it_settles()
    {
        AgentRequests.Settle(3, new AgentSettlement()).Should().Equal([3, 0, 0, 0, .. new byte[16]]);
        AgentRequests
            .Settle(
                3,
                new AgentSettlement
                {
                    Clock = DateTimeOffset.UnixEpoch.AddTicks(1),
                    Seed = new byte[] { 7 },
                    HostName = "h",
                }
            )
            .Should()
            .Equal(3, 0, 0, 0, 7, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7, 1, (byte)'h', 0);
        var card = new AgentCard(
            MacAddress.Parse("01:02:03:04:05:06"),
            MacAddress.Parse("07:08:09:0a:0b:0c"),
            1500,
            [(IPAddress.Loopback, 8)]
        );
        AgentRequests
            .Settle(3, new AgentSettlement { Networks = new AgentNetworks([card], "x") })
            .Should()
            .Equal([3, 0, 0, 0, 48, .. new byte[14], 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 220, 5, 1, 4, 8, 127, 0, 0, 1, (byte)'x']);
    }

    [Fact]
    public void Refuses_a_host_name_that_Linux_would_refuse()
    {
        Action write = () => AgentRequests.Settle(1, new AgentSettlement { HostName = new string('a', 65) });

        write.Should().Throw<ArgumentException>();
    }
}
