using System.Buffers.Binary;
using System.Text;
using FluentAssertions;
using Microsoft.Win32.SafeHandles;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class MemoryTapTests : IDisposable
{
    private const int PageBytes = 4096;
    private const int Pages = 600;

    private readonly string _file = Path.GetTempFileName();
    private readonly MemoryStream _stream = new();
    private readonly MemoryStream _passed = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task The_memory_goes_to_the_file_and_all_else_is_passed_on()
    {
        Head();
        Section(2);
        Record(0, 0x02, "ram", [0]);
        for (int page = 1; page < Pages - 1; page++)
            Record(page, 0x28, null, Page(page));
        Record(0, 0x08, "vga", Page(7));
        Record(1, 0x22, null, [0]);
        Record(Pages - 1, 0x08, "ram", Page(9));
        End();
        Section(3);
        Record(2, 0x02, "vga", [0]);
        Record(5, 0x08, "ram", Page(1));
        Record(3, 0x08, "vga", Page(8));
        End();
        byte[] devices = [4, .. Encoding.ASCII.GetBytes(new string('d', 3_000_000))];
        _stream.Write(devices);

        await CopyAsync();

        byte[] memory = await File.ReadAllBytesAsync(_file, Token);
        memory.Should().HaveCount(Pages * PageBytes);
        memory.AsSpan(0, PageBytes).ContainsAnyExcept((byte)0).Should().BeFalse();
        for (int page = 1; page < Pages - 1; page++)
            memory[page * PageBytes].Should().Be(page == 5 ? (byte)1 : (byte)page);
        memory[^1].Should().Be(9);
        byte[] passed = _passed.ToArray();
        _stream.SetLength(0);
        Head();
        Section(2);
        Record(0, 0x08, "vga", Page(7));
        Record(1, 0x22, null, [0]);
        End();
        Section(3);
        Record(2, 0x22, null, [0]);
        Record(3, 0x28, null, Page(8));
        End();
        _stream.Write(devices);
        passed.Should().Equal(_stream.ToArray());
    }

    [Theory]
    [InlineData("flags")]
    [InlineData("kind")]
    [InlineData("far")]
    [InlineData("block")]
    [InlineData("cut")]
    [InlineData("none")]
    public async Task What_is_not_known_is_refused(string how)
    {
        if (how == "none")
            _stream.Write(new byte[200_000]);
        else
            Head(how == "block" ? Pages + 1 : Pages);
        Section(how == "kind" ? (byte)1 : (byte)2);
        Record(how == "far" ? Pages : 1, how == "flags" ? 0x40 : 0x08, "ram", Page(1));
        if (how != "cut")
            End();

        Func<Task> copy = CopyAsync;

        if (how == "cut")
            await copy.Should().ThrowAsync<EndOfStreamException>();
        else
            await copy.Should().ThrowAsync<QmpRefusedException>().WithMessage("what this QEMU sends of a machine is not known*");
    }

    private async Task CopyAsync()
    {
        using SafeFileHandle file = File.OpenHandle(_file, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.SetLength(file, Pages * PageBytes);
        _stream.Position = 0;
        await new MemoryTap(file, Pages * PageBytes).CopyAsync(new Dribble(_stream), _passed, Token);
    }

    private static byte[] Page(int value) => [.. Enumerable.Repeat((byte)value, PageBytes)];

    private void Head(int pages = Pages)
    {
        _stream.Write("QEVM\0\0\0\u0003 and a configuration"u8);
        _stream.Write([1, 0, 0, 0, 2, 3]);
        _stream.Write("ram"u8);
        _stream.Write([0, 0, 0, 0, 0, 0, 0, 4]);
        Long(((pages + 4) * PageBytes) | 0x04);
        Name("ram");
        Long(pages * PageBytes);
        Name("vga");
        Long(4 * PageBytes);
        End();
    }

    private void Section(byte kind) => _stream.Write([kind, 0, 0, 0, 2]);

    private void Record(int page, int flags, string? name, byte[] content)
    {
        Long((page * PageBytes) | flags);
        if (name is not null)
            Name(name);
        _stream.Write(content);
    }

    private void End()
    {
        Long(0x10);
        _stream.Write([0x7e, 0, 0, 0, 2]);
    }

    private void Name(string name) => _stream.Write([(byte)name.Length, .. Encoding.ASCII.GetBytes(name)]);

    private void Long(long value)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        _stream.Write(bytes);
    }

    // A few bytes at a time, as a socket may bring them.
    private sealed class Dribble(Stream inner) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, Math.Min(count, 1000));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            inner.ReadAsync(buffer[..Math.Min(buffer.Length, 1000)], cancellationToken);

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
