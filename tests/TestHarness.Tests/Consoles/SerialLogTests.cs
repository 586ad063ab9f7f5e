using System.Diagnostics;
using System.Text;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Consoles;

public sealed class SerialLogTests
{
    private const int MiB = 1024 * 1024;

    [Theory]
    [InlineData("one\r\ntwo\r\r\nthree\n", "one\ntwo\nthree\n")]
    [InlineData("50 %\r100 %\r\n", "50 %\r100 %\n")]
    [InlineData("\r\r\rx", "\r\r\rx")]
    [InlineData("größe €\r\n", "größe €\n")]
    public void Has_the_same_text_however_the_bytes_come(string written, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(written);
        for (int cut = 1; cut <= bytes.Length; cut++)
        {
            var log = new SerialLog();
            foreach (byte[] part in bytes.Chunk(cut))
                log.Append(part);
            log.Text.Should().Be(expected, $"it came in pieces of {cut} bytes");
        }
    }

    [Fact]
    public void Keeps_the_first_and_the_last_of_a_line_of_100_MB_in_bounded_memory()
    {
        var log = new SerialLog();
        log.Append("first\r\n"u8);
        byte[] part = [.. Enumerable.Repeat((byte)'x', 16 * 1024)];
        long before = GC.GetAllocatedBytesForCurrentThread();
        long began = Stopwatch.GetTimestamp();

        for (int i = 0; i < 100_000_000 / part.Length; i++)
            log.Append(part);
        log.Append("\r\nlast\r\n"u8);

        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(5));
        // What it grew through on its way to 4 MiB is in it.
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(10 * MiB);
        string text = log.Text;
        text.Should()
            .StartWith("first\nxxx")
            .And.EndWith("xxx\nlast\n")
            .And.Contain($"x\n[… {6 + (100_000_000 / part.Length * part.Length) + 6 - (4 * MiB)} bytes dropped …]\nx");
        text.Length.Should().BeInRange(4 * MiB, (4 * MiB) + 100);
        log.Tail(2).Should().HaveLength(8000).And.EndWith("x\nlast");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public void Does_not_grow_once_it_is_full()
    {
        var log = new SerialLog();
        byte[] lines = [.. Enumerable.Repeat("y\r\n"u8.ToArray(), 5000).SelectMany(line => line)];
        void Write(int megabytes)
        {
            for (int i = 0; i < megabytes * MiB / lines.Length; i++)
                log.Append(lines);
        }

        Write(10);
        long full = GC.GetAllocatedBytesForCurrentThread();
        Write(40);

        (GC.GetAllocatedBytesForCurrentThread() - full).Should().BeLessThan(100_000, "that is less than 1 % of what it keeps");
    }

    [Fact]
    public async Task Saves_the_bytes_that_the_guest_wrote()
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("testharness-log-").FullName, "deep", "serial.log");
        var log = new SerialLog();
        log.Append("\u001b[31m"u8);
        log.Append([0xff, 0x00, (byte)'\r', (byte)'\n']);

        await log.SaveAsync(file, TestContext.Current.CancellationToken);

        (await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken))
            .Should()
            .Equal(0x1b, (byte)'[', (byte)'3', (byte)'1', (byte)'m', 0xff, 0, (byte)'\n');
        Directory.Delete(Path.GetDirectoryName(Path.GetDirectoryName(file))!, recursive: true);
    }

    [Fact]
    public void Shows_no_escape_sequence_and_no_endless_line_in_an_assertion()
    {
        var log = new SerialLog();
        log.Append(Encoding.UTF8.GetBytes(new string('{', 1_000_000) + "\u001b[2J\n::error::x"));

        Action assert = () => log.Should().Contain("login:");

        assert
            .Should()
            .Throw<Exception>()
            .Which.Message.Should()
            .Contain("{\\x1b[2J\n\\::error::x")
            .And.Subject.Length.Should()
            .BeLessThan(9000);
    }
}
