namespace TestHarness.Images;

/// <summary>A stream that may be read up to a limit: what comes out of a small file may have no end.</summary>
/// <param name="inner">The stream.</param>
/// <param name="limit">How many bytes may be read.</param>
/// <param name="says">The name of what says so.</param>
internal sealed class LimitedStream(Stream inner, long limit, string says) : Stream
{
    private long _taken;

    public long Limit { get; set; } = limit;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Count(inner.Read(buffer, offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private int Count(int count) =>
        (_taken += count) <= Limit ? count : throw new InvalidDataException($"it has more in it than {says} says");
}
