using System.Buffers.Binary;
using System.Text;
using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>The file formats that an image's parts have.</summary>
public sealed class ImageFormatTests
{
    [Fact]
    public void Writes_an_archive_as_cpio_does()
    {
        using var stream = new MemoryStream();
        var archive = new CpioArchive(stream);
        archive.AddFolder("bin");
        archive.AddFile("bin/true", "#!"u8, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        archive.AddLink("init", "bin/true");
        archive.Finish();

        string text = Encoding.ASCII.GetString(stream.ToArray()).Replace('\0', '.');
        text.Should()
            .Be(
                "070701"
                    + "00000001"
                    + "000041ED"
                    + "00000000"
                    + "00000000"
                    + "00000002"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000004"
                    + "00000000"
                    + "bin..."
                    + "070701"
                    + "00000002"
                    + "00008140"
                    + "00000000"
                    + "00000000"
                    + "00000001"
                    + "00000000"
                    + "00000002"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000009"
                    + "00000000"
                    + "bin/true.."
                    + "#!.."
                    + "070701"
                    + "00000003"
                    + "0000A1FF"
                    + "00000000"
                    + "00000000"
                    + "00000001"
                    + "00000000"
                    + "00000008"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000005"
                    + "00000000"
                    + "init.."
                    + "bin/true"
                    + "070701"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000001"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "00000000"
                    + "0000000B"
                    + "00000000"
                    + "TRAILER!!!...."
            );
    }

    [Theory]
    [InlineData("fd377a585a00", "xz", 4)]
    [InlineData("28b52ffd", "zstd", 4)]
    [InlineData("02214c18", "lz4", 4)]
    [InlineData("1f8b", "gzip", 0)]
    public void Finds_the_packed_kernel_and_what_unpacks_it(string magic, string program, int lengthField)
    {
        byte[] payload = [.. Convert.FromHexString(magic), .. new byte[20]];

        (ReadOnlyMemory<byte> found, string[] command) = KernelImage.FindPayload(BzImage(payload, payload.Length));

        command[0].Should().Be(program);
        found.ToArray().Should().Equal(payload[..^lengthField]);
    }

    [Fact]
    public void Says_why_a_file_is_no_kernel()
    {
        Failure(new byte[10]).Should().Contain("'HdrS' is missing");
        Failure(new byte[0x1000]).Should().Contain("'HdrS' is missing");
        Failure(BzImage(new byte[20], int.MaxValue)).Should().Contain("not within");
        Failure(BzImage([1, 2, 3, 4, 5, 6, 7, 8, 9], 9)).Should().Contain("packed in an unknown way: it begins with 0102030405060708");

        static string Failure(byte[] file)
        {
            Action find = () => KernelImage.FindPayload(file);
            return find.Should().Throw<InvalidDataException>().Which.Message;
        }
    }

    [Fact]
    public void Reads_the_packages_from_dpkgs_status() =>
        InstalledPackages
            .FromStatus(
                """
                Package: rsync
                Status: install ok installed
                Architecture: amd64
                Version: 3.2.7-1
                Description: a program
                 Version: not this

                Package: gone
                Status: deinstall ok config-files
                Architecture: amd64
                Version: 1

                Package: bash
                Status: install ok installed
                Architecture: amd64
                Version: 5.2.15-2
                """
            )
            .Should()
            .Equal("bash 5.2.15-2 amd64", "rsync 3.2.7-1 amd64");

    [Fact]
    public void Reads_the_packages_from_the_names_of_archives() =>
        InstalledPackages
            .FromArchives(["rsync_3.2.7-1_amd64.deb", "lock", "partial", "busybox-static_1%3a1.35.0-4_amd64.deb"])
            .Should()
            .Equal("busybox-static 1:1.35.0-4 amd64", "rsync 3.2.7-1 amd64");

    /// <summary>A boot sector, one sector of setup code, then the payload after 16 bytes.</summary>
    private static byte[] BzImage(byte[] payload, int length)
    {
        byte[] file = [.. new byte[(2 * 512) + 16], .. payload];
        file[0x1f1] = 1;
        "HdrS"u8.CopyTo(file.AsSpan(0x202));
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(0x248), 16);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(0x24c), length);
        return file;
    }
}
