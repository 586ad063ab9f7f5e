using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace TestHarness;

/// <summary>The address of a network card (IEEE 802, 48 bits).</summary>
public readonly record struct MacAddress
{
    private const int Bytes = 6;

    // 52:54 is what QEMU's own addresses begin with: local ones, of one card each.
    private const ulong Local = 0x5254_0000_0000;

    private readonly ulong _value;

    /// <summary>The first of QEMU's own, which the card on its user network has.</summary>
    internal static MacAddress OfUserNetwork { get; } = new(0x5254_0012_3456);

    internal MacAddress(ulong value) => _value = value;

    /// <summary>Gets a value indicating whether it is of one card, and not of a group of them (multicast, broadcast).</summary>
    public bool IsUnicast => (_value & 0x0100_0000_0000) == 0;

    /// <summary>Gets the 48 bits.</summary>
    internal ulong Value => _value;

    /// <summary>Makes a local address of a name: the same one each time.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The address, which begins with 52:54.</returns>
    public static MacAddress For(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new(Local | BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name))));
    }

    /// <summary>The address of a card in a template, which all machines share that are restored from it.</summary>
    /// <param name="card">The card's number.</param>
    internal static MacAddress OfTemplate(int card) => new(Local | 0x4800_0000 | (uint)card);

    /// <summary>Reads an address such as <c>52:54:00:65:43:21</c>.</summary>
    /// <param name="text">Six bytes in hexadecimal, with colons between them.</param>
    /// <returns>The address.</returns>
    /// <exception cref="FormatException">It is none.</exception>
    public static MacAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out MacAddress address)
            ? address
            : throw new FormatException($"\"{text}\" is no address of a network card, such as 52:54:00:65:43:21.");
    }

    internal static bool TryParse(string text, out MacAddress address)
    {
        address = default;
        string[] parts = text.Split(':');
        ulong value = 0;
        foreach (string part in parts)
        {
            if (parts.Length != Bytes || part.Length != 2 || !byte.TryParse(part, NumberStyles.AllowHexSpecifier, null, out byte one))
                return false;
            value = (value << 8) | one;
        }

        address = new(value);
        return true;
    }

    /// <summary>Returns the address in small letters, with colons.</summary>
    /// <returns>The address.</returns>
    public override string ToString() => string.Join(':', ToBytes().Select(one => $"{one:x2}"));

    internal byte[] ToBytes()
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, _value);
        return bytes[^Bytes..];
    }

    internal static MacAddress Read(ReadOnlySpan<byte> bytes) =>
        new(((ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32) | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]));
}
