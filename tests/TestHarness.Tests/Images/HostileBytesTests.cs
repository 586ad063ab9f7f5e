using System.Buffers.Binary;
using System.Diagnostics;
using System.Formats.Tar;
using System.Text;
using FluentAssertions;
using FsCheck;
using FsCheck.Fluent;
using TestHarness.Files;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Networks;
using TestHarness.Screens;
using TestHarness.Tests.Screens;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>
/// Whoever reads bytes of a file or a peer gives its own kind of error for any bytes: random ones, and sound ones with numbers in them that
/// wrap and overflow.
/// </summary>
[Fault(
    "Numbers in disks, pictures, archives, kernels, indexes and requests wrap or overflow. Any bytes come.",
    "Each reader fails with its own kind of error."
)]
public sealed class HostileBytesTests : IDisposable
{
    private const int Rounds = 400;

    private static readonly ulong[] Edges =
    [
        0,
        1,
        0x7f,
        0x80,
        0xff,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        long.MaxValue,
        1UL << 63,
        ulong.MaxValue,
        ulong.MaxValue - 100,
        ulong.MaxValue - 511,
    ];

    private readonly string _file = Path.GetTempFileName();

    public static TheoryData<string> Readers => [.. Known.Keys];

    private static Dictionary<string, (Func<byte[]> Sound, Action<byte[], string> Read)> Known { get; } =
        new()
        {
            ["qcow2"] = (Qcow, (bytes, file) =>
            {
                File.WriteAllBytes(file, bytes);
                foreach (QcowBacking backing in Enum.GetValues<QcowBacking>())
                    QcowHeader.FindFault(file, backing);
            }),
            ["png"] = (() => new PngMaker(5, 5, 2, 8).Write(new int[75], interlaced: false), (bytes, _) => PngFile.Read(bytes, "x")),
            ["png, 16 bits, interlaced"] = (
                () => new PngMaker(5, 5, 6, 16).Write(new int[100], interlaced: true),
                (bytes, _) => PngFile.Read(bytes, "x")
            ),
            ["ppm"] = (() => [.. "P6\n2 2\n255\n"u8, .. new byte[12]], (bytes, _) => new RawFrame(bytes)),
            ["tar of a guest"] = (Tar, (bytes, _) =>
                new TarSieve(new MemoryStream(bytes), Stream.Null, _ => { }).RunAsync(CancellationToken.None).GetAwaiter().GetResult()
            ),
            ["tar of a package"] = (Tar, (bytes, _) => ReadPackage(bytes)),
            ["machine.json"] = (
                () =>
                    Encoding.UTF8.GetBytes(
                        """{"version":1,"name":"a","architecture":"amd64","format":"qcow2","diskBytes":1,"disk":{"name":"disk.qcow2","size":1,"sha256":"00"}}"""
                    ),
                (bytes, _) => DiskDescription.Parse(bytes)
            ),
            ["simplestreams"] = (
                () =>
                    """{"index":{"a":{"datatype":"image-downloads","format":"products:1.0","path":"a\ud83d\ude00"}},"products":{"p":{"arch":"amd64","versions":{"1":{"items":{"disk1.img":{"path":"x","sha256":"00","size":1}}}}}}}"""u8.ToArray(),
                (bytes, _) =>
                {
                    var index = new StreamIndex("https://x");
                    index.ProductFiles(bytes, "f");
                    index.Select(index.Products(bytes, "f"), new StreamQuery());
                }
            ),
            ["kernel"] = (Kernel, (bytes, _) => KernelImage.FindPayload(bytes)),
            ["disk's signature"] = (() => new byte[512], (bytes, _) => DiskSignature.Find(bytes)),
            ["request"] = (
                () => "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;name=value\r\nchunk\r\n0\r\n\r\n"u8.ToArray(),
                (bytes, _) => Serve(bytes)
            ),
        };

    public void Dispose() => File.Delete(_file);

    [Theory]
    [MemberData(nameof(Readers))]
    public void Are_read_or_refused_in_a_kind_of_the_readers_own(string reader)
    {
        (Func<byte[]> make, Action<byte[], string> read) = Known[reader];
        byte[] sound = make();
        TryRead(sound);
        Prop.ForAll<byte[]>(TryRead).QuickCheckThrowOnFailure();
        var random = new Random(20261129);
        for (int round = 0; round < Rounds; round++)
            TryRead(Damaged(sound, random));

        void TryRead(byte[] bytes)
        {
            try
            {
                read(bytes, _file);
            }
            catch (Exception e) when (e is InvalidDataException or ImageException or EndOfStreamException or HttpFaultException)
            {
                // It says what is wrong.
            }
        }
    }

    [Fact]
    public void Are_no_backing_files_name_whose_place_wraps_around()
    {
        byte[] disk = Qcow();
        BinaryPrimitives.WriteUInt64BigEndian(disk.AsSpan(8), ulong.MaxValue - 99);
        BinaryPrimitives.WriteUInt32BigEndian(disk.AsSpan(16), 200);
        File.WriteAllBytes(_file, disk);

        QcowHeader.FindFault(_file, QcowBacking.Any).Should().Be("it does not name its backing file");
    }

    [Fact]
    public void Are_no_picture_whose_size_wraps_around()
    {
        foreach (string size in (string[])["99999999999 1", "-1 -1", "2147483647 2147483647", "0 0"])
        {
            Action read = () => _ = new RawFrame(Encoding.ASCII.GetBytes($"P6\n{size}\n255\n"));
            read.Should().Throw<InvalidDataException>(size);
        }
    }

    private static byte[] Damaged(byte[] sound, Random random)
    {
        byte[] bytes = [.. sound];
        Span<byte> edge = stackalloc byte[8];
        for (int damages = random.Next(1, 4); damages > 0; damages--)
        {
            BinaryPrimitives.WriteUInt64BigEndian(edge, Edges[random.Next(Edges.Length)]);
            // Most numbers are at the beginning.
            int at = random.Next(random.Next(2) == 0 ? Math.Min(bytes.Length, 128) : bytes.Length),
                length = Math.Min(1 << random.Next(4), bytes.Length - at);
            edge[^length..].CopyTo(bytes.AsSpan(at));
        }

        // A tar's header that is believed has to have the right sum.
        if (bytes.Length >= 512 && random.Next(2) == 0)
        {
            long sum = TarHeader.Checksum(bytes);
            Encoding.ASCII.GetBytes($"{Convert.ToString(sum, 8).PadLeft(6, '0')}\0 ").CopyTo(bytes, 148);
        }

        return random.Next(5) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }

    private static byte[] Qcow()
    {
        string file = Path.GetTempFileName();
        using (Process make = Process.Start(new ProcessStartInfo("qemu-img", ["create", "-q", "-f", "qcow2", file, "1M"]))!)
            make.WaitForExit();
        byte[] bytes = File.ReadAllBytes(file);
        File.Delete(file);
        return bytes;
    }

    private static byte[] Tar()
    {
        using var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, TarEntryFormat.Pax, leaveOpen: true))
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "file") { DataStream = new MemoryStream(new byte[700]) });
        return archive.ToArray();
    }

    private static void ReadPackage(byte[] bytes)
    {
        var tar = new PackageTar(new MemoryStream(bytes));
        while (tar.NextAsync(CancellationToken.None).GetAwaiter().GetResult() is { } member)
            member.Content.CopyToAsync(Stream.Null).GetAwaiter().GetResult();
    }

    private static byte[] Kernel()
    {
        byte[] image = new byte[4096];
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        image[0x1f1] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x24c), 100);
        ((byte[])[0x28, 0xb5, 0x2f, 0xfd]).CopyTo(image, 1024);
        return image;
    }

    private static void Serve(byte[] bytes)
    {
        using var connection = new MemoryStream();
        connection.Write(bytes);
        connection.Position = 0;
        HttpConnection
            .ServeAsync(connection, () => { }, (_, _) => Task.FromResult(MetadataResponse.NotFound()), CancellationToken.None)
            .GetAwaiter()
            .GetResult();
    }
}
