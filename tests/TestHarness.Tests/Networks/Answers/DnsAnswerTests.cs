using System.Buffers.Binary;
using System.Net;
using FluentAssertions;
using TestHarness.Networks.Answers;
using Xunit;

namespace TestHarness.Tests.Networks.Answers;

public sealed class DnsAnswerTests
{
    private const int Header = 12;
    private const int A = 1;
    private const int Aaaa = 28;
    private const int Any = 255;
    private const int FormatError = 1;
    private const int NameError = 3;
    private const int NotImplemented = 4;

    private readonly Lan _lan = new();

    /// <summary>A query with one question.</summary>
    public static byte[] Query(string name, int type) => QueryOf(DnsName.Write(name), type);

    [Theory]
    [InlineData("db", A, "10.77.1.10")]
    [InlineData("db.lan", A, "10.77.1.10")]
    [InlineData("DB.Lan", A, "10.77.1.10")]
    [InlineData("web", A, "10.77.1.11")]
    [InlineData("web", Aaaa, "fd77:7e57:0:1::a")]
    [InlineData("web.storage", A, "10.77.2.10")]
    [InlineData("db", Any, "10.77.1.10 fd77:7e57:0:1:20b:82ff:fe01:fc42")]
    [InlineData("db", 15, "")]
    public void Knows_the_machines_by_their_names(string name, int type, string addresses)
    {
        byte[] query = Query(name, type),
            answer = Ask(query)!;

        ErrorOf(answer).Should().Be(0);
        string.Join(' ', AddressesOf(answer, query.Length)).Should().Be(addresses);
        answer[..2].Should().Equal(query[..2]);
        answer[Header..query.Length].Should().Equal(query[Header..], "the question is repeated as it came");
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("db.storage")]
    [InlineData("db.lan.example")]
    [InlineData("deb.debian.org")]
    [InlineData("10.1.77.10.in-addr.arpa")]
    public void Says_at_once_that_there_is_no_other(string name)
    {
        byte[] answer = Ask(Query(name, A))!;

        ErrorOf(answer).Should().Be(NameError);
        answer[7].Should().Be(0, "it has no records");
    }

    [Fact]
    public void Has_the_addresses_of_the_moment()
    {
        ErrorOf(Ask(Query("third", A))!).Should().Be(NameError);
        _lan.Book.Enter("third", [new Card("lan")]);
        ErrorOf(Ask(Query("third", A))!).Should().Be(0);
        _lan.Book.Remove("third");
        ErrorOf(Ask(Query("third", A))!).Should().Be(NameError);
    }

    [Fact]
    public void Keeps_within_what_each_client_takes()
    {
        IPAddress[] many = [.. Enumerable.Range(100, 64).Select(last => IPAddress.Parse($"10.77.1.{last}"))];
        _lan.Book.Enter("many", [new Card("lan") { Addresses = many }]);
        byte[] query = Query("many", A),
            answer = Ask(query)!;

        answer.Length.Should().BeLessThanOrEqualTo(512);
        AddressesOf(answer, query.Length).Should().HaveCountGreaterThan(20).And.StartWith("10.77.1.100");
    }

    [Fact]
    public void Tells_what_it_cannot_read_from_what_it_will_not()
    {
        byte[] query = Query("db", A);
        Ask([]).Should().BeNull();
        Ask(query[..11]).Should().BeNull();
        Ask(With(query, 2, 0x81)).Should().BeNull("an answer is not answered");

        ErrorOf(Ask(With(query, 2, 0x28))!).Should().Be(NotImplemented, "an update");
        ErrorOf(Ask(With(query, 5, 2))!).Should().Be(FormatError, "two questions");
        ErrorOf(Ask(query[..^1])!).Should().Be(FormatError);
        ErrorOf(Ask(QueryOf([0xc0, Header], A))!).Should().Be(FormatError, "a name that is itself");
        ErrorOf(Ask(QueryOf([64, .. new byte[64], 0], A))!).Should().Be(FormatError, "a label of 64 bytes");
        ErrorOf(Ask(QueryOf([.. Enumerable.Repeat((byte[])[1, 97], 128).SelectMany(label => label), 0], A))!)
            .Should()
            .Be(FormatError, "a name of 257 bytes");
        ErrorOf(Ask(QueryOf([6, .. "db.lan"u8, 0], A))!).Should().Be(NameError, "that is a single label");
        ErrorOf(Ask(QueryOf([0], A))!).Should().Be(NameError, "the root");
        ErrorOf(Ask(QueryOf([3, .. "d\0b"u8, 2, 0xff, 0xfe, 0], A))!).Should().Be(NameError);
    }

    private static byte[] QueryOf(byte[] name, int type) =>
        [.. (ReadOnlySpan<byte>)[0xbe, 0xef, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], .. name, (byte)(type >> 8), (byte)type, 0, 1];

    private static byte[] With(byte[] query, int at, byte value)
    {
        byte[] changed = [.. query];
        changed[at] = value;
        return changed;
    }

    private static int ErrorOf(byte[] answer)
    {
        (answer[2] & 0x80).Should().Be(0x80, "it is an answer");
        return answer[3] & 0xf;
    }

    private static IEnumerable<string> AddressesOf(byte[] answer, int at)
    {
        for (int left = answer[7]; left > 0; left--)
        {
            answer[at..(at + 2)].Should().Equal(0xc0, Header);
            int length = BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(at + 10));
            yield return $"{new IPAddress(answer.AsSpan(at + Header, length))}";
            at += Header + length;
        }

        at.Should().Be(answer.Length);
    }

    private byte[]? Ask(byte[] query) => DnsAnswer.To(query, name => _lan.Book.Find("db", name));
}
