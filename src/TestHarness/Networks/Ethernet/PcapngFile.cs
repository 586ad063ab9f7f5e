using System.Buffers.Binary;
using System.Text;

namespace TestHarness.Networks.Ethernet;

/// <summary>Writes frames as pcapng (draft-ietf-opsawg-pcapng), which Wireshark and tcpdump read.</summary>
internal static class PcapngFile
{
    private const uint SectionHeader = 0x0A0D0D0A;
    private const uint InterfaceDescription = 1;
    private const uint EnhancedPacket = 6;
    private const ushort Ethernet = 1;
    private const ushort NameOption = 2;
    private const ushort ResolutionOption = 9;
    private const byte Nanoseconds = 9;

    /// <summary>Writes a file.</summary>
    /// <param name="to">The file.</param>
    /// <param name="ports">The names of the ports by their numbers, which become those of interfaces.</param>
    /// <param name="frames">The frames.</param>
    public static void Write(Stream to, IReadOnlyList<string> ports, IEnumerable<CapturedFrame> frames)
    {
        byte[] section = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(section, 0x1A2B3C4D);
        BinaryPrimitives.WriteUInt16LittleEndian(section.AsSpan(4), 1);
        // The section's length is not known.
        BinaryPrimitives.WriteInt64LittleEndian(section.AsSpan(8), -1);
        WriteBlock(to, SectionHeader, section);
        foreach (string port in ports)
        {
            byte[] head = new byte[8];
            BinaryPrimitives.WriteUInt16LittleEndian(head, Ethernet);
            WriteBlock(
                to,
                InterfaceDescription,
                [.. head, .. Option(NameOption, Encoding.UTF8.GetBytes(port)), .. Option(ResolutionOption, [Nanoseconds]), 0, 0, 0, 0]
            );
        }

        foreach (CapturedFrame frame in frames)
            WriteBlock(to, EnhancedPacket, Packet(frame));
    }

    private static byte[] Packet(CapturedFrame frame)
    {
        byte[] packet = new byte[20 + Padded(frame.Bytes.Length)];
        ulong time = (ulong)(frame.Time - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        BinaryPrimitives.WriteInt32LittleEndian(packet, frame.Port);
        BinaryPrimitives.WriteUInt32LittleEndian(packet.AsSpan(4), (uint)(time >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(packet.AsSpan(8), (uint)time);
        BinaryPrimitives.WriteInt32LittleEndian(packet.AsSpan(12), frame.Bytes.Length);
        BinaryPrimitives.WriteInt32LittleEndian(packet.AsSpan(16), frame.Bytes.Length);
        frame.Bytes.CopyTo(packet, 20);
        return packet;
    }

    private static byte[] Option(ushort code, byte[] value)
    {
        byte[] option = new byte[4 + Padded(value.Length)];
        BinaryPrimitives.WriteUInt16LittleEndian(option, code);
        BinaryPrimitives.WriteUInt16LittleEndian(option.AsSpan(2), (ushort)value.Length);
        value.CopyTo(option, 4);
        return option;
    }

    private static void WriteBlock(Stream to, uint type, ReadOnlySpan<byte> body)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(number, type);
        to.Write(number);
        BinaryPrimitives.WriteInt32LittleEndian(number, 12 + body.Length);
        to.Write(number);
        to.Write(body);
        to.Write(number);
    }

    private static int Padded(int length) => (length + 3) & ~3;
}
