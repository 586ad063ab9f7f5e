using FluentAssertions;
using TestHarness.Networks.Answers;
using TestHarness.Networks.Ethernet;
using Xunit;

namespace TestHarness.Tests.Networks.Answers;

public sealed class NetworkAnswersTests
{
    private readonly Lan _lan = new();

    public static TheoryData<string> Known => [.. Lan.Known.Keys];

    [Theory]
    [MemberData(nameof(Known))]
    public void Answers_to_the_byte_as_the_standards_say(string question)
    {
        byte[]? answer = _lan.Answers.To(Lan.Known[question].Question);

        Convert.ToHexStringLower(answer!).Should().Be(Convert.ToHexStringLower(Lan.Known[question].Answer));
    }

    [Theory]
    [MemberData(nameof(Known))]
    public void Answers_no_card_that_is_none_of_the_networks(string question)
    {
        byte[] asked = [.. Lan.Known[question].Question];
        MacAddress.For("a card inside a guest").ToBytes().CopyTo(asked, 6);

        _lan.Answers.To(asked).Should().BeNull();
    }

    [Theory]
    [MemberData(nameof(Known))]
    public void Answers_nothing_that_is_cut_short(string question)
    {
        byte[] asked = Lan.Known[question].Question;
        // Of the DHCP message, padding may be missing, but then the datagram's length is wrong.
        for (int length = 0; length < asked.Length; length++)
            _lan.Answers.To(asked.AsSpan(0, length)).Should().BeNull($"{length} of {asked.Length} bytes");
    }

    [Fact]
    public void Answers_no_card_in_another_ones_name()
    {
        byte[] asked = [.. Lan.Known["DHCP discover"].Question];
        _lan.Web.Mac.ToBytes().CopyTo(asked, 6);

        _lan.Answers.To(asked).Should().BeNull("the address is of db's card, and web's has sent it");
    }

    [Fact]
    public void Answers_nothing_for_another_address_or_port()
    {
        byte[] query = DnsAnswerTests.Query("db", type: 1);

        _lan.Answers.To(_lan.DatagramOf(_lan.Web, 53, query)).Should().NotBeNull();
        _lan.Answers.To(_lan.DatagramOf(_lan.Web, 54, query)).Should().BeNull();
        _lan.Answers.To(_lan.DatagramOf(_lan.Web, 53, query, toAll: true)).Should().BeNull();
        byte[] toDb = UdpDatagram.Write(_lan.Web.IPv4.GetAddressBytes(), 40_000, _lan.Db.IPv4.GetAddressBytes(), 53, query);
        _lan.Answers.To(_lan.FrameOf(_lan.Web, EtherType.IPv4, toDb)).Should().BeNull();
    }

    [Fact]
    public void Answers_nothing_in_fragments_or_with_a_wrong_checksum()
    {
        byte[] whole = _lan.DatagramOf(_lan.Web, 53, DnsAnswerTests.Query("db", type: 1));
        byte[] damaged = [.. whole];
        damaged[^1] ^= 1;
        byte[] fragment = [.. whole];
        // "More fragments", and the header's checksum less by the same.
        fragment[EthernetFrame.Header + 6] |= 0x20;
        fragment[EthernetFrame.Header + 10] -= 0x20;

        InternetChecksum.Of(fragment.AsSpan(EthernetFrame.Header, 20)).Should().Be(0, "it is a sound fragment");
        _lan.Answers.To(fragment).Should().BeNull();
        _lan.Answers.To(damaged).Should().BeNull();
    }

    [Fact]
    public void Tells_a_guest_to_make_an_address_only_where_it_is_the_one_that_its_name_leads_to()
    {
        const int FlagsAt = EthernetFrame.Header + 40 + 16 + 8 + 8 + 3;
        byte[] asked = [.. Lan.Known["router solicitation"].Question];
        byte[] toDb = _lan.Answers.To(asked)!;
        _lan.Web.Mac.ToBytes().CopyTo(asked, 6);
        byte[] toWeb = _lan.Answers.To(asked)!;

        toDb[FlagsAt].Should().Be(0xc0, "on the link, and autonomous");
        toWeb[FlagsAt].Should().Be(0x80, "on the link");
        toWeb[..6].Should().Equal(_lan.Web.Mac.ToBytes());
    }

    [Fact]
    public void Answers_no_solicitation_that_has_passed_a_router_and_none_for_another_address()
    {
        byte[] asked = [.. Lan.Known["neighbour solicitation"].Question];
        asked[EthernetFrame.Header + 7] = 254;
        byte[] forAnother = [.. Lan.Known["neighbour solicitation"].Question];
        // The address that is asked for is one more, and the checksum one less.
        forAnother[EthernetFrame.Header + 40 + 8 + 15]++;
        forAnother[EthernetFrame.Header + 40 + 3]--;

        _lan.Answers.To(asked).Should().BeNull();
        _lan.Answers.To(forAnother).Should().BeNull();
    }
}
