using System.Text;

namespace TestHarness.Hosts;

/// <summary>A header of a tar archive, of which nothing is believed. Pure.</summary>
/// <remarks>https://www.gnu.org/software/tar/manual/html_node/Standard.html, and pax in POSIX.</remarks>
internal static class TarHeader
{
    /// <summary>How long it is; contents are padded to that.</summary>
    public const int Length = 512;

    /// <summary>Reads a number: octal digits; or, where these do not suffice, a binary number behind a byte 0x80.</summary>
    /// <exception cref="InvalidDataException">It is none, or too large.</exception>
    public static long Number(ReadOnlySpan<byte> header, int at, int length)
    {
        ReadOnlySpan<byte> field = header.Slice(at, length);
        if (field[0] == 0x80)
        {
            long number = 0;
            foreach (byte part in field[1..])
                number = number >> 55 == 0 ? (number << 8) | part : throw new InvalidDataException("a number in the archive is too large");
            return number;
        }

        string digits = Encoding.ASCII.GetString(field).Trim(' ', '\0');
        if (digits.Any(digit => digit is < '0' or > '7'))
            throw new InvalidDataException("a number in the archive does not parse");
        return digits.Length == 0 ? 0 : Convert.ToInt64(digits, 8);
    }

    /// <summary>Reads the size of the content.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static long Size(ReadOnlySpan<byte> header) =>
        Number(header, 124, 12) is var size && size <= long.MaxValue - Length
            ? size
            : throw new InvalidDataException("a size in the archive does not parse");

    /// <summary>Returns how long a content is with its padding.</summary>
    public static long Padded(long size) => (size + Length - 1) / Length * Length;

    /// <summary>Reads the name, without what stands before the header.</summary>
    public static string Name(ReadOnlySpan<byte> header)
    {
        string name = Text(header[..100]);
        string prefix = header.Slice(257, 5).SequenceEqual("ustar"u8) && header[262] == 0 ? Text(header.Slice(345, 155)) : "";
        return prefix.Length > 0 ? $"{prefix}/{name}" : name;
    }

    /// <summary>Reads a text up to its first zero.</summary>
    public static string Text(ReadOnlySpan<byte> field) =>
        Encoding.UTF8.GetString(field.IndexOf((byte)0) is var end and >= 0 ? field[..end] : field);

    /// <summary>Tells whether its sum is right.</summary>
    public static bool IsSound(ReadOnlySpan<byte> header) => Number(header, 148, 8) == Checksum(header);

    /// <summary>Adds it up.</summary>
    public static long Checksum(ReadOnlySpan<byte> header)
    {
        long sum = 8 * ' ';
        for (int i = 0; i < Length; i++)
            sum += i is >= 148 and < 156 ? 0 : header[i];
        return sum;
    }
}
