using FluentAssertions;
using FsCheck;
using FsCheck.Fluent;
using TestHarness.Networks.Answers;
using TestHarness.Networks.Ethernet;
using Xunit;

namespace TestHarness.Tests.Networks.Answers;

/// <summary>Whatever a guest asks the switch, it gets one answer of a bounded size, or none, and nobody else gets any.</summary>
[Fault(
    "A guest sends the switch malformed ARP, DHCP, DNS, IPv4, IPv6 or ICMP.",
    "It is not answered, or told that it is no sound question. Nobody else gets anything."
)]
public sealed class HostileQuestionsTests
{
    private const int Rounds = 3000;
    private const int MostMore = 700;

    private readonly Lan _lan = new();

    public static TheoryData<string> Known => [.. Lan.Known.Keys];

    [Fact]
    public void Any_bytes_are_no_trouble() =>
        Prop.ForAll<byte[]>(bytes =>
            {
                Ask(bytes);
                Ask(_lan.FrameOf(_lan.Db, EtherType.Arp, bytes));
                Ask(_lan.FrameOf(_lan.Db, EtherType.IPv4, bytes));
                Ask(_lan.FrameOf(_lan.Db, EtherType.IPv6, bytes));
                Ask(_lan.DatagramOf(_lan.Db, DhcpAnswer.ServerPort, bytes, toAll: true));
                Ask(_lan.DatagramOf(_lan.Db, DnsAnswer.Port, bytes));
            })
            .QuickCheckThrowOnFailure();

    [Theory]
    [MemberData(nameof(Known))]
    public void A_sound_frame_with_other_bytes_in_it_is_no_trouble(string question)
    {
        byte[] sound = Lan.Known[question].Question;
        var random = new Random(20261130);
        for (int round = 0; round < Rounds; round++)
            Ask(Damaged(sound, random, from: 12));
    }

    [Theory]
    [InlineData("DHCP discover", DhcpAnswer.ServerPort)]
    [InlineData("DNS, A", DnsAnswer.Port)]
    public void A_sound_question_with_other_bytes_and_a_right_checksum_is_no_trouble(string question, ushort port)
    {
        const int Headers = EthernetFrame.Header + 20 + 8;
        byte[] sound = Lan.Known[question].Question[Headers..];
        var random = new Random(20261130);
        int answered = 0;
        for (int round = 0; round < Rounds; round++)
            answered += Ask(_lan.DatagramOf(_lan.Db, port, Damaged(sound, random, from: 0))) ? 1 : 0;

        answered.Should().BeInRange(Rounds / 100, Rounds - 1, "some go deep, and not all are believed");
    }

    // The bytes that numbers end at, and any others; at times cut, or with something behind.
    private static byte[] Damaged(byte[] sound, Random random, int from)
    {
        byte[] bytes = [.. sound];
        for (int damages = random.Next(1, 5); damages > 0; damages--)
            bytes[random.Next(from, bytes.Length)] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)(random.Next(3) - 1);
        return random.Next(6) switch
        {
            0 => bytes[..random.Next(bytes.Length)],
            1 => [.. bytes, .. bytes[..random.Next(bytes.Length)]],
            _ => bytes,
        };
    }

    private bool Ask(byte[] frame)
    {
        byte[]? answer = _lan.Answers.To(frame);
        if (answer is null)
            return false;
        EthernetFrame.TargetOf(answer).Should().Be(EthernetFrame.SourceOf(frame));
        EthernetFrame.SourceOf(answer).Should().Be(_lan.Host.Mac);
        answer.Length.Should().BeLessThan(frame.Length + MostMore);
        return true;
    }
}
