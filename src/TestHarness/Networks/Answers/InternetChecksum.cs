using System.Buffers.Binary;

namespace TestHarness.Networks.Answers;

/// <summary>The checksum of IP, UDP and ICMP (RFC 1071): over what has a right one it is 0.</summary>
internal static class InternetChecksum
{
    /// <summary>That of bytes.</summary>
    public static ushort Of(ReadOnlySpan<byte> bytes) => Of(0, bytes);

    /// <summary>That of what IP carries, with the addresses before it (RFC 768, and RFC 8200, 8.1).</summary>
    /// <param name="source">Where it comes from.</param>
    /// <param name="target">Where it goes.</param>
    /// <param name="protocol">Its protocol.</param>
    /// <param name="payload">What is carried.</param>
    public static ushort Of(ReadOnlySpan<byte> source, ReadOnlySpan<byte> target, byte protocol, ReadOnlySpan<byte> payload) =>
        Of(Sum(source) + Sum(target) + protocol + (uint)payload.Length, payload);

    private static ushort Of(uint before, ReadOnlySpan<byte> bytes)
    {
        uint sum = before + Sum(bytes);
        while (sum > ushort.MaxValue)
            sum = (sum & ushort.MaxValue) + (sum >> 16);
        return (ushort)~sum;
    }

    // No packet has so many bytes that it would overflow.
    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (; bytes.Length > 1; bytes = bytes[2..])
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        return bytes.Length == 1 ? sum + ((uint)bytes[0] << 8) : sum;
    }
}
