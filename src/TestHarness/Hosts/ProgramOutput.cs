using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>
/// What a program writes, up to its end: a process that escaped may hold the pipe open for ever, and is not waited for. What the program
/// itself has written is in the pipe by then, and comes at once.
/// </summary>
/// <param name="pipe">The pipe.</param>
/// <param name="ended">Ends once the program has, and all that it started.</param>
internal sealed class ProgramOutput(Stream pipe, Task ended) : Stream
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private bool _over;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_over)
            return 0;
        ValueTask<int> reading = pipe.ReadAsync(buffer, cancellationToken);
        if (reading.IsCompleted)
            return await reading.ConfigureAwait(false);
        Task<int> read = reading.AsTask();
        if (await Task.WhenAny(read, ended).ConfigureAwait(false) != read)
            await Task.WhenAny(read, Clock.System.Delay(Rest, cancellationToken)).ConfigureAwait(false);
        if (read.IsCompleted)
            return await read.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        // The pipe is still being read, and can't be read twice at once.
        _over = true;
        return 0;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
