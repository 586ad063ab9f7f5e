using System.Diagnostics;
using System.Text;
using FluentAssertions;
using TestHarness.Access;
using TestHarness.Files;
using TestHarness.Hosts;
using TestHarness.Tests.Hostile;
using Xunit;

namespace TestHarness.Tests.Files;

/// <summary>
/// Whoever reads what a guest or a helper program sends stops at a bound, and holds no more than that. Alone, because the memory of the
/// whole process is measured.
/// </summary>
[Collection(nameof(EndlessInputTests))]
[Fault(
    "A guest's rsync or tar, or a helper program, floods its messages (256 MB, or a line without end). A tar has a "
        + "map, a name or a rest without end. A list has millions of changes.",
    "It is ended at a bound. The bounds are 16 MiB of the guest's messages and 8 Mi characters of a helper program "
        + "(128 Mi of rsync's list). For a tar they are 32 MiB of a map, 1 MiB of names and 64 MiB of what belongs to no "
        + "file. 250,000 changes are kept, and the others are counted.",
    "TarSieveTests"
)]
public sealed class TransferBoundTests
{
    private const long Offered = 256 * 1024 * 1024;
    private const long MostHeld = 64 * 1024 * 1024;

    // What takes seconds here takes longer where many tests run.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("head -c 256M /dev/zero")]
    [InlineData("head -c 256M /dev/zero >&2")]
    [InlineData("yes | head -c 256M")]
    [InlineData("yes 'a line of a flood' | head -c 256M >&2")]
    public async Task A_helper_program_that_floods_is_ended(string script)
    {
        HelperResult result = await HelperProgram.RunAsync("sh", ["-c", script], null, Token).WaitAsync(Soon, Token);

        result.ExitCode.Should().Be(HelperOutput.TooMuch);
        result.StandardError.Should().EndWith("'sh' wrote more than 8388608 characters, or a line without end, and was ended.");
        (result.StandardOutput.Length + result.StandardError.Length).Should().BeLessThan(20_000_000);
    }

    [Fact]
    public async Task A_helper_programs_lines_are_what_they_were()
    {
        var lines = new List<string>();

        HelperResult result = await HelperProgram.RunAsync(
            "printf",
            ["a\\r\\n\\nb\\rc\\n d"],
            new HelperOptions { OnOutputLine = lines.Add },
            Token
        );

        lines.Should().Equal("a", "", "b", "c", " d");
        result.StandardOutput.Should().Be("a\n\nb\nc\n d");
    }

    // Version, seed, and then nothing but messages, which rsync prints: 9 is MPLEX_BASE and MSG_INFO.
    [Fact]
    public async Task An_rsync_that_is_sent_messages_without_end_is_ended()
    {
        string folder = Directory.CreateTempSubdirectory("testharness-flood-").FullName;
        byte[] message = [0xc8, 0, 0, 9, .. Encoding.ASCII.GetBytes(new string('f', 199) + '\n')];
        await File.WriteAllBytesAsync($"{folder}/messages", [.. Enumerable.Repeat(message, 5000).SelectMany(one => one)], Token);
        await File.WriteAllTextAsync($"{folder}/flood", "printf '\\035\\0\\0\\0\\0\\0\\0\\0'; while cat messages; do :; done", Token);
        var report = new RsyncReport(progress: null);
        int lines = 0;
        long before = GC.GetTotalMemory(forceFullCollection: true);

        HelperResult result = await RsyncTunnel
            .RunLocalAsync(
                folder,
                ["-e", "sh flood", "--blocking-io", "-rlpt", RsyncReport.Format, "guest:/x", $"{folder}/target/"],
                line =>
                {
                    lines++;
                    report.Add(line);
                },
                Token
            )
            .WaitAsync(Soon, Token);

        result.ExitCode.Should().Be(HelperOutput.TooMuch, result.StandardError);
        lines.Should().BeGreaterThan(600_000);
        result.StandardOutput.Length.Should().BeLessThan(200_000);
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(MostHeld);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_list_of_changes_is_kept_up_to_a_bound_and_the_others_counted()
    {
        var report = new RsyncReport(progress: null);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        int lines = 0;
        for (long bytes = 0; bytes < Offered; lines++)
        {
            string line = $">f+++++++++ 1 {lines:0000000000}{new string('p', 180)}";
            report.Add(line);
            bytes += line.Length;
        }

        report.ToResult(unknownBefore: false).Changes.Should().HaveCountLessThan(250_001).And.HaveCountGreaterThan(40_000);
        (report.Unlisted + report.ToResult(unknownBefore: false).Changes.Count).Should().Be(lines);
        report.Bytes.Should().Be(lines);
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(MostHeld);
        GC.KeepAlive(report);
    }

    [Fact]
    public async Task A_guests_messages_end_the_transfer()
    {
        using var transfer = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var words = new GuestWords();
        var flood = new Endless("flood\n"u8.ToArray(), Offered);

        await words.CollectAsync(flood, transfer).WaitAsync(Soon, Token);

        transfer.IsCancellationRequested.Should().BeTrue();
        flood.Given.Should().BeLessThan(GuestWords.Most + (1024 * 1024));
        words.Text.Should().Contain("the guest sent more than 16777216 bytes of messages");
        words.Text.Length.Should().BeLessThan(100_000);
    }

    [Theory]
    [InlineData("map")]
    [InlineData("behind the end")]
    [InlineData("unknown")]
    [InlineData("name")]
    [InlineData("attributes")]
    public async Task An_archive_without_end_is_refused_at_a_bound(string kind)
    {
        byte[] start = kind switch
        {
            "map" => Header('S', 0, header => header[482] = 1),
            "behind the end" => new byte[512],
            "unknown" => Header('M', long.MaxValue - 512),
            "name" => Header('L', long.MaxValue - 512),
            _ => [.. Header('x', 512), .. new byte[512], .. Header('x', long.MaxValue - 512)],
        };
        byte[] more = Enumerable.Repeat((byte)1, 512).ToArray();
        using var archive = new Endless(more, Offered, start);
        long before = GC.GetTotalMemory(forceFullCollection: true);

        Func<Task> read = () => new TarSieve(archive, Stream.Null, _ => { }).RunAsync(Token).WaitAsync(Soon, Token);

        await read.Should().ThrowAsync<InvalidDataException>();
        archive.Given.Should().BeLessThan(Offered / 2);
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(MostHeld);
    }

    private static byte[] Header(char type, long size, Action<byte[]>? change = null)
    {
        byte[] header = new byte[512];
        "file"u8.CopyTo(header);
        header[156] = (byte)type;
        // The size in binary, as GNU tar writes a large one.
        header[124] = 0x80;
        for (int i = 0; i < 8; i++)
            header[135 - i] = (byte)(size >> (8 * i));
        change?.Invoke(header);
        Encoding.ASCII.GetBytes($"{Convert.ToString(TarHeader.Checksum(header), 8).PadLeft(6, '0')}\0 ").CopyTo(header, 148);
        return header;
    }

    /// <summary>A stream that repeats some bytes, up to a number of them.</summary>
    private sealed class Endless(byte[] pattern, long length, byte[]? start = null) : Stream
    {
        private readonly byte[] _start = start ?? [];

        public long Given { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int given = 0;
            for (; given < count && Given < length; given++, Given++)
                buffer[offset + given] = Given < _start.Length ? _start[Given] : pattern[(Given - _start.Length) % pattern.Length];
            return given;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
