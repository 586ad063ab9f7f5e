using System.Net;
using System.Runtime.CompilerServices;
using TestHarness.Networks;
using TestHarness.Networks.Answers;

namespace TestHarness.Tests.Networks.Answers;

/// <summary>A network "lan" with the switch, "db", whose guest lacks the agent, and "web", which has it.</summary>
internal sealed class Lan
{
    public Lan()
    {
        Db = Book.Enter("db", [new Card("lan") { Mac = MacAddress.Parse("00:0b:82:01:fc:42") }], hasAgent: false)[0];
        Web = Book.Enter("web", [new Card("lan"), new Card("storage")])[0];
        IReadOnlyList<IPAddress> own = Book.TakeForSwitch("lan");
        Host = new SwitchHost("lan", own[0], own[1]);
        Answers = new NetworkAnswers(Host, Book);
    }

    public AddressBook Book { get; } = new(new Dictionary<string, NetworkSpec>());

    public CardAddress Db { get; }

    public CardAddress Web { get; }

    public SwitchHost Host { get; }

    public NetworkAnswers Answers { get; }

    /// <summary>Known frames of "db" by their names, with their answers.</summary>
    public static IReadOnlyDictionary<string, (byte[] Question, byte[] Answer)> Known { get; } = Read();

    public byte[] FrameOf(CardAddress from, EtherType type, byte[] content) =>
        [.. Host.Mac.ToBytes(), .. from.Mac.ToBytes(), (byte)((ushort)type >> 8), (byte)type, .. content];

    /// <summary>A datagram of UDP to the switch, or to all.</summary>
    public byte[] DatagramOf(CardAddress from, ushort port, byte[] content, bool toAll = false) =>
        FrameOf(
            from,
            EtherType.IPv4,
            UdpDatagram.Write(from.IPv4.GetAddressBytes(), 40_000, toAll ? DhcpAnswer.Everybody : Host.BytesV4, port, content)
        );

    private static Dictionary<string, (byte[] Question, byte[] Answer)> Read([CallerFilePath] string me = "") =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(me)!, "Packets.txt"))
            .Split("\n# ")
            .Skip(1)
            .Select(block => (Name: block.Split('\n')[0], Frames: block[block.IndexOf('\n')..].Split('>')))
            .ToDictionary(block => block.Name, block => (Bytes(block.Frames[0]), Bytes(block.Frames[1])));

    private static byte[] Bytes(string lines) => Convert.FromHexString(lines.ReplaceLineEndings(""));
}
