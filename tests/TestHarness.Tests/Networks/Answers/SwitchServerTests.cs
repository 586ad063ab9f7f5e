using System.Buffers.Binary;
using FluentAssertions;
using TestHarness.Networks;
using TestHarness.Networks.Answers;
using TestHarness.Networks.Ethernet;
using Xunit;

namespace TestHarness.Tests.Networks.Answers;

public sealed class SwitchServerTests : IDisposable
{
    private static readonly byte[] Discover = Lan.Known["DHCP discover"].Question;

    private readonly AddressBook _book = new(new Dictionary<string, NetworkSpec>());
    private readonly FrameCapture _capture = new(64 * 1024, TimeProvider.System);
    private readonly EthernetSwitch _switch;
    private readonly SwitchServer _server;
    private readonly Dictionary<string, Frames> _got = [];

    public SwitchServerTests()
    {
        _switch = new EthernetSwitch(TimeProvider.System, _capture, new LinkFaults("lan", 1, TimeProvider.System));
        foreach ((string name, string mac) in (ReadOnlySpan<(string, string)>)[("db", "00:0b:82:01:fc:42"), ("web", "00:0b:82:01:fc:43")])
        {
            _book.Enter(name, [new Card("lan") { Mac = MacAddress.Parse(mac) }], hasAgent: false);
            _switch.Add(name, MacAddress.Parse(mac)).Plug(_got[name] = new Frames());
        }

        _server = new SwitchServer(_switch, _book, "lan");
    }

    public void Dispose()
    {
        _server.Dispose();
        _switch.Dispose();
    }

    [Fact]
    public async Task Answers_the_port_that_asked_and_nobody_else()
    {
        Carry("db", Discover);

        (await _got["db"].NextAsync()).Should().Equal(Lan.Known["DHCP discover"].Answer);
        _got["web"].Count.Should().Be(1, "the question was for all");
        _capture.ToList().Select(frame => _switch.Names[frame.Port]).Should().Equal("db", AddressBook.Switch);
    }

    [Fact]
    public async Task A_flood_of_one_keeps_no_other_from_its_answer()
    {
        byte[] useless = [.. Discover[..12], 8, 0, .. new byte[1400]];
        for (int index = 0; index < 5000; index++)
            Carry("db", useless);
        byte[] asked = [.. Discover];
        // Another card, in the frame and in the message; both checksums say nothing.
        asked[11]++;
        asked[14 + 20 + 8 + 28 + 5]++;
        asked[14 + 20 + 6] = asked[14 + 20 + 7] = 0;

        Carry("web", asked);

        byte[] answer = await _got["web"].WhereAsync(frame => frame[23] == IpPacket.Udp && frame[34..36] is [0, 67]);
        answer[58..62].Should().Equal(10, 77, 1, 11);
    }

    [Fact]
    public void Nobody_can_take_its_place_or_its_address()
    {
        byte[] forged = [.. Discover];
        _server.Host.Mac.ToBytes().CopyTo(forged, 6);

        Carry("web", forged);

        _got["db"].Count.Should().Be(0);
        _switch.Ports.Single(port => port.Name == "web").Counters.Dropped(DropCause.ForgedSource).Should().Be(1);
        FluentActions
            .Invoking(() => _book.Enter("third", [new Card("lan") { Addresses = [_server.Host.IPv4] }]))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*10.77.1.1*that of \"the switch\"*");
    }

    [Fact]
    public void Is_gone_when_it_has_ended()
    {
        _server.Dispose();

        Carry("db", Discover);

        _switch.Ports.Select(port => port.Name).Should().Equal("db", "web");
        _got["db"].Count.Should().Be(0);
    }

    private void Carry(string from, byte[] frame)
    {
        byte[] stream = [0, 0, 0, 0, .. frame];
        BinaryPrimitives.WriteInt32BigEndian(stream, frame.Length);
        _switch.Carry(_switch.Ports.Single(port => port.Name == from), stream);
    }
}
