using System.Net;
using FluentAssertions;
using TestHarness.Networks.Answers;
using Xunit;

namespace TestHarness.Tests.Networks.Answers;

public sealed class DhcpAnswerTests
{
    // In the frame that answers: Ethernet, IPv4, UDP.
    private const int MessageAt = 14 + 20 + 8;

    private readonly Lan _lan = new();

    [Fact]
    public void Gives_a_card_its_own_address_and_what_it_needs_and_no_router()
    {
        byte[] answer = Ask(Message(_lan.Web, DhcpMessageType.Discover))!;

        Dictionary<DhcpOption, byte[]> options = OptionsOf(answer);
        (options[DhcpOption.MessageType][0], GivenBy(answer)).Should().Be(((byte)DhcpMessageType.Offer, $"{_lan.Web.IPv4}"));
        options[DhcpOption.SubnetMask].Should().Equal(255, 255, 255, 0);
        options[DhcpOption.NameServer].Should().Equal(10, 77, 1, 1);
        options[DhcpOption.DomainSearch].Should().Equal((byte[])[3, .. "lan"u8, 0]);
        options[DhcpOption.Mtu].Should().Equal(1500 >> 8, 1500 & 0xff);
        options.Should().ContainKey(DhcpOption.LeaseTime).And.NotContainKey((DhcpOption)3, "nothing is routed");
    }

    [Fact]
    public void Confirms_its_own_address_refuses_others_and_leaves_what_is_for_another_server()
    {
        (DhcpOption, byte[]) own = (DhcpOption.RequestedAddress, _lan.Web.IPv4.GetAddressBytes()),
            other = (DhcpOption.RequestedAddress, _lan.Db.IPv4.GetAddressBytes()),
            here = (DhcpOption.ServerIdentifier, _lan.Host.IPv4.GetAddressBytes()),
            elsewhere = (DhcpOption.ServerIdentifier, [10, 77, 1, 99]);

        Kind(own, here).Should().Be(DhcpMessageType.Ack);
        Kind(own).Should().Be(DhcpMessageType.Ack, "it knows the address from before");
        Kind(other, here).Should().Be(DhcpMessageType.Nak);
        Kind().Should().Be(DhcpMessageType.Nak, "it asks for none");
        Kind(own, elsewhere).Should().BeNull();

        DhcpMessageType? Kind(params (DhcpOption, byte[])[] options) =>
            Ask(Message(_lan.Web, DhcpMessageType.Request, options)) is { } answer
                ? (DhcpMessageType)OptionsOf(answer)[DhcpOption.MessageType][0]
                : null;
    }

    [Fact]
    public void Renews_and_informs_at_the_address_that_the_client_has()
    {
        byte[] renewal = Message(_lan.Web, DhcpMessageType.Request),
            inform = Message(_lan.Web, DhcpMessageType.Inform);
        foreach (byte[] message in (byte[][])[renewal, inform])
            _lan.Web.IPv4.GetAddressBytes().CopyTo(message, 12);

        byte[] renewed = Ask(renewal)!,
            informed = Ask(inform)!;

        GivenBy(renewed).Should().Be($"{_lan.Web.IPv4}");
        TargetOf(renewed).Should().Be($"{_lan.Web.IPv4}");
        (GivenBy(informed), TargetOf(informed)).Should().Be(("0.0.0.0", $"{_lan.Web.IPv4}"));
        OptionsOf(informed).Should().ContainKey(DhcpOption.NameServer).And.NotContainKey(DhcpOption.LeaseTime);
        Ask(Message(_lan.Web, DhcpMessageType.Inform)).Should().BeNull("nobody could be told");
    }

    [Fact]
    public void Sends_to_all_where_the_client_says_so_and_to_its_card_alone_even_then()
    {
        byte[] message = Message(_lan.Web, DhcpMessageType.Discover);
        TargetOf(Ask(message)!).Should().Be($"{_lan.Web.IPv4}");
        message[10] = 0x80;

        byte[] answer = Ask(message)!;

        TargetOf(answer).Should().Be("255.255.255.255");
        answer[..6].Should().Equal(_lan.Web.Mac.ToBytes());
    }

    [Theory]
    [InlineData(DhcpMessageType.Decline)]
    [InlineData(DhcpMessageType.Release)]
    [InlineData(DhcpMessageType.Offer)]
    [InlineData(DhcpMessageType.Ack)]
    [InlineData((DhcpMessageType)0)]
    [InlineData((DhcpMessageType)200)]
    public void Says_nothing_where_nothing_is_asked(object type) => Ask(Message(_lan.Web, (DhcpMessageType)type)).Should().BeNull();

    [Fact]
    public void Reads_nothing_but_sound_messages_of_clients_on_the_network()
    {
        byte[] sound = Message(_lan.Web, DhcpMessageType.Discover, (DhcpOption.RequestedAddress, [10, 77, 1, 11]));
        Ask(sound).Should().NotBeNull();
        Ask([.. sound[..^1], 0, 0, 0]).Should().NotBeNull("the end may be missing");

        Ask(sound[..240]).Should().BeNull("BOOTP has no types");
        Ask([.. sound[..^1], 12]).Should().BeNull("an option without a length");
        Ask([.. sound[..^1], 12, 200, 0]).Should().BeNull("an option that goes on behind the end");
        Ask(With(sound, 0, 2)).Should().BeNull("a reply");
        Ask(With(sound, 1, 6)).Should().BeNull("another kind of network");
        Ask(With(sound, 2, 16)).Should().BeNull("an address of 16 bytes");
        Ask(With(sound, 24, 10)).Should().BeNull("over a relay");
        Ask(With(sound, 236, 0)).Should().BeNull("these are no options");
        Ask(Message(_lan.Web, DhcpMessageType.Request, (DhcpOption.RequestedAddress, [10, 77]))).Should().BeNull("half an address");
        Ask(Message(_lan.Db, DhcpMessageType.Discover)).Should().BeNull("another's card");
    }

    // A client's.
    private static byte[] Message(CardAddress card, DhcpMessageType type, params (DhcpOption Code, byte[] Value)[] options) =>
        [
            .. (ReadOnlySpan<byte>)[1, 1, 6, 0, 0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 0],
            .. new byte[16],
            .. card.Mac.ToBytes(),
            .. new byte[10 + 192],
            .. (ReadOnlySpan<byte>)[0x63, 0x82, 0x53, 0x63, 53, 1, (byte)type],
            .. options.SelectMany(option => (byte[])[(byte)option.Code, (byte)option.Value.Length, .. option.Value]),
            255,
        ];

    private static byte[] With(byte[] message, int at, byte value)
    {
        byte[] changed = [.. message];
        changed[at] = value;
        return changed;
    }

    private static string GivenBy(byte[] frame) => $"{new IPAddress(frame.AsSpan(MessageAt + 16, 4))}";

    private static string TargetOf(byte[] frame) => $"{new IPAddress(frame.AsSpan(14 + 16, 4))}";

    private static Dictionary<DhcpOption, byte[]> OptionsOf(byte[] frame)
    {
        Dictionary<DhcpOption, byte[]> options = [];
        for (int at = MessageAt + 240; frame[at] != 255; at += 2 + frame[at + 1])
            options.Add((DhcpOption)frame[at], frame[(at + 2)..(at + 2 + frame[at + 1])]);
        return options;
    }

    private byte[]? Ask(byte[] message) => _lan.Answers.To(_lan.DatagramOf(_lan.Web, DhcpAnswer.ServerPort, message, toAll: true));
}
