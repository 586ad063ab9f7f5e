using System.Buffers.Binary;
using System.Text;

namespace TestHarness.MachineTests.Images;

/// <summary>The smallest disks that firmware boots: each writes a text and stops.</summary>
internal static class BootableDisk
{
    /// <summary>Makes a boot sector that writes a text by the BIOS (int 10h), as boot loaders do.</summary>
    public static byte[] BootSector(string text)
    {
        var sector = new byte[512];
        byte[] code =
        [
            0x31,
            0xc0, // xor ax, ax
            0x31,
            0xdb, // xor bx, bx
            0x8e,
            0xd8, // mov ds, ax
            0xbe,
            0x17,
            0x7c, // mov si, text
            0xac, // next: lodsb
            0x84,
            0xc0, // test al, al
            0x74,
            0x06, // jz end
            0xb4,
            0x0e, // mov ah, 0eh
            0xcd,
            0x10, // int 10h
            0xeb,
            0xf5, // jmp next
            0xf4, // end: hlt
            0xeb,
            0xfd, // jmp end
        ];
        code.CopyTo(sector, 0);
        Encoding.ASCII.GetBytes(text).CopyTo(sector, code.Length);
        (sector[510], sector[511]) = (0x55, 0xaa);
        return sector;
    }

    /// <summary>Makes a boot sector of a few instructions.</summary>
    public static byte[] BootSector(ReadOnlySpan<byte> code)
    {
        var sector = new byte[512];
        code.CopyTo(sector);
        (sector[510], sector[511]) = (0x55, 0xaa);
        return sector;
    }

    /// <summary>
    /// Makes an EFI program (PE32+, https://uefi.org/specs/UEFI/2.10/02_Overview.html#uefi-images) that writes a text to the first serial
    /// port.
    /// </summary>
    public static byte[] EfiProgram(string text)
    {
        var file = new byte[0x400];
        "MZ"u8.CopyTo(file);
        Word(0x3c, 0x40);
        "PE\0\0"u8.CopyTo(file.AsSpan(0x40));
        Half(0x44, 0x8664); // x86-64
        Half(0x46, 1); // sections
        Half(0x54, 0xf0); // length of the optional header
        Half(0x56, 0x0222); // an image that is executable
        Half(0x58, 0x20b); // PE32+
        Word(0x5c, 0x200); // code
        Word(0x68, 0x1000); // entry point
        Word(0x6c, 0x1000); // base of the code
        Word(0x78, 0x1000); // alignment in memory
        Word(0x7c, 0x200); // alignment in the file
        Word(0x90, 0x2000); // length in memory
        Word(0x94, 0x200); // headers
        Half(0x9c, 10); // an EFI application
        Word(0xc4, 16); // directories, all empty
        ".text"u8.CopyTo(file.AsSpan(0x148));
        Word(0x150, 0x200);
        Word(0x154, 0x1000);
        Word(0x158, 0x200);
        Word(0x15c, 0x200);
        Word(0x16c, 0x60000020); // code that is executed and read
        byte[] code =
        [
            0x48,
            0x8d,
            0x35,
            0x0f,
            0,
            0,
            0, // lea rsi, [text]
            0x66,
            0xba,
            0xf8,
            0x03, // mov dx, 3f8h
            0xac, // next: lodsb
            0x84,
            0xc0, // test al, al
            0x74,
            0x03, // jz end
            0xee, // out dx, al
            0xeb,
            0xf8, // jmp next
            0xf4, // end: hlt
            0xeb,
            0xfd, // jmp end
        ];
        code.CopyTo(file, 0x200);
        Encoding.ASCII.GetBytes(text).CopyTo(file, 0x200 + code.Length);
        return file;

        void Word(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);
        void Half(int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);
    }

    /// <summary>
    /// Makes a raw disk with a FAT file system, which is all that UEFI needs, and files on it; a path such as <c>EFI/BOOT/BOOTX64.EFI</c>
    /// is what it starts.
    /// </summary>
    public static async Task MakeEfiAsync(
        string disk,
        int sizeMiB,
        IReadOnlyDictionary<string, string> files,
        CancellationToken cancellationToken
    )
    {
        await RunAsync("mformat", "-C", "-i", disk, "-T", $"{sizeMiB * 2048}", "-h", "64", "-s", "32", "::");
        await RunAsync("mmd", "-i", disk, "::EFI", "::EFI/BOOT");
        foreach ((string path, string source) in files)
            await RunAsync("mcopy", "-i", disk, source, $"::{path}");

        async Task RunAsync(string program, params string[] arguments)
        {
            (int exitCode, string output) = await Repository.RunAsync(program, arguments, null, cancellationToken);
            if (exitCode != 0)
                throw new InvalidOperationException($"{program} ended with {exitCode}: {output}");
        }
    }
}
