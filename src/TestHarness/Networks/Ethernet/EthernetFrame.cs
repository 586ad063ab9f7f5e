using System.Buffers.Binary;

namespace TestHarness.Networks.Ethernet;

/// <summary>
/// How frames come and go: each with its length before it, four bytes with the highest first, as QEMU's stream netdev has it
/// (net/stream.c, net_fill_rstate).
/// </summary>
internal static class EthernetFrame
{
    /// <summary>The bytes before each frame.</summary>
    public const int Prefix = 4;

    /// <summary>Two addresses and a type.</summary>
    public const int Header = 14;

    /// <summary>The largest that QEMU sends (NET_BUFSIZE, 4096 + 65536).</summary>
    public const int Largest = 4096 + 65536;

    /// <summary>The length of the frame that a stream begins with.</summary>
    public static int LengthOf(ReadOnlySpan<byte> stream) => BinaryPrimitives.ReadInt32BigEndian(stream);

    public static MacAddress TargetOf(ReadOnlySpan<byte> frame) => MacAddress.Read(frame);

    public static MacAddress SourceOf(ReadOnlySpan<byte> frame) => MacAddress.Read(frame[6..]);
}
