using System.Net;
using FluentAssertions;
using FsCheck;
using FsCheck.Fluent;
using TestHarness.Networks;
using TestHarness.Networks.Ethernet;
using Xunit;

namespace TestHarness.Tests.Networks;

[Fault("A guest sends frames that are cut off, or are not what they say.", "They are counted as malformed. No wait for a packet breaks.")]
public sealed class PacketDecoderTests
{
    private static readonly MacAddress Web = MacAddress.For("web.lan");
    private static readonly MacAddress Db = MacAddress.For("db.lan");

    [Theory]
    [InlineData("10.77.1.11", "10.77.1.10")]
    [InlineData("fd77:7e57:0:1::b", "fd77:7e57:0:1::a")]
    public void Addresses_and_ports_of_both_families_are_read(string sender, string target)
    {
        CapturedPacket tcp = Read(Frames.Ip(Db, Web, sender, target, Frames.Tcp, Frames.OfTcp(40_000, 5432, [1, 2, 3])));
        CapturedPacket udp = Read(Frames.Ip(Db, Web, sender, target, Frames.Udp, Frames.OfUdp(65_535, 53, [4, 5])));

        (tcp.Protocol, tcp.FromPort, tcp.ToPort).Should().Be((PacketProtocol.Tcp, 40_000, 5432));
        (udp.Protocol, udp.FromPort, udp.ToPort).Should().Be((PacketProtocol.Udp, 65_535, 53));
        foreach (CapturedPacket packet in (CapturedPacket[])[tcp, udp])
            (packet.FromAddress, packet.ToAddress).Should().Be((IPAddress.Parse(sender), IPAddress.Parse(target)));
        tcp.Payload.ToArray().Should().Equal(1, 2, 3);
        udp.Payload.ToArray().Should().Equal(4, 5);
        $"{tcp}"
            .Should()
            .EndWith(
                $" web {new IPEndPoint(tcp.FromAddress!, 40_000)} to db {new IPEndPoint(tcp.ToAddress!, 5432)}, Tcp, "
                    + $"{tcp.Frame.Length} bytes"
            );
    }

    [Fact]
    public void Pings_questions_for_addresses_and_the_rest_are_told_apart()
    {
        CapturedPacket ping = Read(Frames.Ip(Db, Web, "10.0.0.1", "10.0.0.2", Frames.Icmp, 8, 0, 0, 0));
        CapturedPacket arp = Read(Frames.Arp(Web, "10.0.0.1", "10.0.0.2"), to: null);

        ping.Protocol.Should().Be(PacketProtocol.Icmp);
        ping.Payload.ToArray().Should().Equal(8, 0, 0, 0);
        Read(Frames.Ip(Db, Web, "fd00::1", "fd00::2", Frames.IcmpV6, 128, 0, 0, 0)).Protocol.Should().Be(PacketProtocol.IcmpV6);
        (arp.Protocol, arp.FromAddress, arp.ToAddress, arp.FromPort)
            .Should()
            .Be((PacketProtocol.Arp, IPAddress.Parse("10.0.0.1"), IPAddress.Parse("10.0.0.2"), null));
        $"{arp}".Should().Contain(" web 10.0.0.1 to others 10.0.0.2, Arp, 42 bytes");
        // OSPF and LLDP, with nothing in them that could be read.
        Read(Frames.Ip(Db, Web, "10.0.0.1", "10.0.0.2", 89, 9, 9, 9)).Protocol.Should().Be(PacketProtocol.Other);
        Read(Frames.Ethernet(Db, Web, 0x88CC, 9, 9, 9)).Protocol.Should().Be(PacketProtocol.Other);
    }

    [Fact]
    public void Tags_are_looked_through_padding_is_no_payload_and_later_fragments_have_no_ports()
    {
        byte[] plain = Frames.Ip(Db, Web, "10.0.0.1", "10.0.0.2", Frames.Udp, Frames.OfUdp(1, 2, [7]));
        byte[] tagged = [.. plain[..12], 0x81, 0, 0, 5, .. plain[12..]];
        byte[] padded = [.. plain, .. new byte[20]];
        byte[] later = [.. plain];
        later[21] = 1;
        byte[] headers = [0x11, 0, 0, 0, 0, 0, 0, 0, .. Frames.OfUdp(3, 4, [6])];

        Read(tagged).ToPort.Should().Be(2);
        Read(padded).Payload.ToArray().Should().Equal(7);
        CapturedPacket fragment = Read(later);
        (fragment.Protocol, fragment.ToPort, fragment.Payload.Length).Should().Be((PacketProtocol.Udp, null, 9));
        // Behind a header of options.
        Read(Frames.Ip(Db, Web, "fd00::1", "fd00::2", 0, headers)).Should().Match<CapturedPacket>(one => one.ToPort == 4);
    }

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.2")]
    [InlineData("fd00::1", "fd00::2")]
    public void What_is_cut_off_anywhere_is_malformed_and_stays_as_it_was_sent(string sender, string target)
    {
        byte[] whole = Frames.Ip(Db, Web, sender, target, Frames.Tcp, Frames.OfTcp(1, 2, 3));
        for (int length = 0; length < whole.Length; length++)
        {
            CapturedPacket packet = Read(whole[..length]);
            packet.Protocol.Should().Be(PacketProtocol.Malformed, $"it has {length} bytes");
            (packet.FromPort, packet.From).Should().Be((null, "web"));
        }

        byte[] unsized = Frames.Ip(Db, Web, "10.0.0.1", "10.0.0.2", Frames.Tcp, Frames.OfTcp(1, 2, 3));
        unsized[16] = unsized[17] = 0;
        Read(unsized).Frame.ToArray().Should().Equal(unsized);
    }

    [Theory]
    [InlineData(14, 0x65)]
    [InlineData(14, 0x44)]
    [InlineData(14, 0x4f)]
    [InlineData(17, 41)]
    [InlineData(46, 0x40)]
    [InlineData(46, 0xf0)]
    public void What_contradicts_itself_is_malformed(int at, byte value)
    {
        byte[] frame = Frames.Ip(Db, Web, "10.0.0.1", "10.0.0.2", Frames.Tcp, Frames.OfTcp(1, 2));
        Read(frame).Protocol.Should().Be(PacketProtocol.Tcp);
        frame[at] = value;

        Read(frame).Protocol.Should().Be(PacketProtocol.Malformed);
    }

    [Fact]
    public void Any_bytes_can_be_read() =>
        Prop.ForAll<byte[], byte[]>(
                (head, body) =>
                {
                    int[] types = [0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x9100, 0x88CC, 0x6558];
                    foreach (int type in types)
                        Read(Frames.Ethernet(Db, Web, type, [.. head, .. body]));
                    foreach (byte next in (byte[])[0, 43, 44, 50, 51, 60, 135, 253])
                        Read(Frames.Ip(Db, Web, "fd00::1", "fd00::2", next, [next, .. head, .. body]));
                    Read(head);
                }
            )
            .QuickCheckThrowOnFailure();

    private static CapturedPacket Read(byte[] frame, string? to = "db") =>
        PacketDecoder.Decode(new CapturedFrame(DateTimeOffset.UnixEpoch, 0, [.. frame], 0, 0), "web", to);
}
