using System.Buffers.Binary;

namespace TestHarness;

/// <summary>A picture of a machine's screen.</summary>
public sealed partial class Screenshot
{
    // Signature, length and type of the first chunk; then width and height, big endian (PNG specification, 11.2.2 IHDR).
    private const int WidthOffset = 16;
    private const int HeightOffset = 20;

    internal Screenshot(byte[] png)
    {
        if (png.Length < HeightOffset + sizeof(int))
            throw new InvalidDataException($"QEMU wrote a screenshot of {png.Length} bytes, which is no PNG file.");
        Png = png;
        Width = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(WidthOffset));
        Height = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(HeightOffset));
    }

    /// <summary>Gets the picture as a PNG file.</summary>
    public ReadOnlyMemory<byte> Png { get; }

    /// <summary>Gets the width in pixels.</summary>
    public int Width { get; }

    /// <summary>Gets the height in pixels.</summary>
    public int Height { get; }

    /// <summary>Words for the machine that the picture is of, for which a golden may have a file of its own.</summary>
    internal IReadOnlyList<string> Platforms { get; init; } = [];

    /// <summary>Writes the picture to a PNG file, whose folder is made.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>A task for the writing.</returns>
    public async Task SaveAsync(string path, CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await File.WriteAllBytesAsync(path, Png, cancellationToken).ConfigureAwait(false);
    }
}
