using System.Buffers.Binary;

namespace TestHarness.Images;

/// <summary>
/// Finds the compressed kernel in a bzImage. QEMU enters the unpacked ELF file by its PVH note, which saves the guest's own
/// decompression: a large part of a boot without KVM. Format: https://docs.kernel.org/arch/x86/boot.html.
/// </summary>
internal static class KernelImage
{
    private const int SetupSectorsOffset = 0x1f1;
    private const int MagicOffset = 0x202;
    private const int PayloadOffset = 0x248;
    private const int PayloadLength = 0x24c;
    private const int HeaderLength = 0x250;

    private static readonly (byte[] Magic, string[] Command)[] Packers =
    [
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], ["xz", "-dc", "--single-stream"]),
        ([0x28, 0xb5, 0x2f, 0xfd], ["zstd", "-dcq"]),
        ([0x02, 0x21, 0x4c, 0x18], ["lz4", "-dcq"]),
        ([0x1f, 0x8b], ["gzip", "-dc"]),
    ];

    /// <summary>Returns the payload and the command that unpacks it from its standard input.</summary>
    /// <exception cref="InvalidDataException">It is no kernel, or packed in another way.</exception>
    public static (ReadOnlyMemory<byte> Payload, string[] Command) FindPayload(ReadOnlyMemory<byte> bzImage)
    {
        ReadOnlySpan<byte> bytes = bzImage.Span;
        if (bytes.Length < HeaderLength || !bytes.Slice(MagicOffset, 4).SequenceEqual("HdrS"u8))
            throw new InvalidDataException("it is not a bzImage: the mark 'HdrS' is missing");

        int setupSectors = bytes[SetupSectorsOffset] == 0 ? 4 : bytes[SetupSectorsOffset];
        long start = ((setupSectors + 1) * 512L) + BinaryPrimitives.ReadUInt32LittleEndian(bytes[PayloadOffset..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[PayloadLength..]);
        if (length == 0 || start + length > bytes.Length)
            throw new InvalidDataException($"its payload ({length} bytes at {start}) is not within its {bytes.Length} bytes");

        ReadOnlyMemory<byte> payload = bzImage.Slice((int)start, (int)length);
        foreach ((byte[] magic, string[] command) in Packers)
        {
            // All but gzip's are followed by the length of the kernel, which their programs would take for damage.
            if (payload.Span.StartsWith(magic))
                return (command[0] == "gzip" ? payload : payload[..^sizeof(uint)], command);
        }

        throw new InvalidDataException(
            $"its payload is packed in an unknown way: it begins with {Convert.ToHexString(payload.Span[..Math.Min(8, payload.Length)])}"
        );
    }

    /// <summary>Tells whether a file begins as an ELF file does.</summary>
    public static bool IsElf(ReadOnlySpan<byte> start) => start.StartsWith("\u007fELF"u8);
}
