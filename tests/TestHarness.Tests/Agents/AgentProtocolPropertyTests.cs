using FsCheck;
using FsCheck.Fluent;
using TestHarness.Agents;
using Xunit;

namespace TestHarness.Tests.Agents;

/// <summary>Whatever bytes a guest sends, what reads them returns or refuses them by its own exception.</summary>
public sealed class AgentProtocolPropertyTests
{
    public static TheoryData<string> Readers =>
        ["header", "number", "port", "exit", "error", "accepted", "settled", "hello", "datagram", "end with a new agent", "search"];

    [Theory]
    [MemberData(nameof(Readers))]
    public void Any_bytes_are_read_or_refused(string reader) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll(Payloads().ToArbitrary(), bytes =>
            {
                try
                {
                    Read(reader, bytes);
                }
                catch (InvalidDataException)
                {
                    // Refused.
                }
            }));

    // Bytes of any value, some of them the ones that numbers end at, behind a beginning that fits or none.
    private static Gen<byte[]> Payloads() =>
        from beginning in Gen.Elements<byte[]>(
            [],
            FakeGuest.Hello(new byte[16]),
            [.. "\0\0\0\0\0\0\0\0\x0d\0TH"u8],
            [255, 255, 255, 255],
            new byte[16]
        )
        from cut in Gen.Choose(0, 40)
        from rest in Gen.OneOf(Gen.Choose(0, 255), Gen.Elements(0, 1, 4, 16, 127, 128, 255)).Select(value => (byte)value).ArrayOf()
        select (byte[])[.. beginning.Take(cut), .. rest];

    private static void Read(string reader, byte[] bytes)
    {
        switch (reader)
        {
            case "header":
                AgentProtocol.ReadHeader(bytes);
                break;
            case "number":
                AgentProtocol.ReadNumber(bytes);
                break;
            case "port":
                AgentProtocol.ReadPort(bytes);
                break;
            case "exit":
                AgentProtocol.ReadExit(bytes);
                break;
            case "error":
                AgentProtocol.ReadError(bytes);
                break;
            case "accepted":
                AgentProtocol.ReadAccepted(bytes);
                break;
            case "settled":
                AgentProtocol.ReadSettled(bytes);
                break;
            case "hello":
                AgentProtocol.ReadHello(bytes);
                break;
            case "datagram":
                new AgentDatagramQueue().Add(bytes);
                break;
            case "end with a new agent":
                AgentProtocol.EndsWithNewAgent(bytes);
                break;
            default:
                int at = AgentProtocol.IndexOfConnectionFrame(bytes, 0);
                if (at >= 0)
                    AgentProtocol.TryReadHeader(bytes.AsSpan(at), out _);
                break;
        }
    }
}
