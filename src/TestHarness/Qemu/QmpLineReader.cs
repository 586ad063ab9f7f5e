namespace TestHarness.Qemu;

/// <summary>Cuts what a monitor sends into lines, in bounded memory.</summary>
/// <param name="stream">The connection.</param>
/// <param name="maxLineBytes">How long a line may be.</param>
internal sealed class QmpLineReader(Stream stream, int maxLineBytes = QmpLineReader.MaxLineBytes)
{
    // QEMU's longest replies (query-qmp-schema) are some 200 KB. What is parsed takes several times as much.
    public const int MaxLineBytes = 1024 * 1024;

    private const int UsualLineBytes = 16 * 1024;

    private byte[] _buffer = new byte[UsualLineBytes];
    private int _start;
    private int _scanned;
    private int _end;

    /// <summary>Reads the next line; it is valid until the next call. Null where the connection has ended.</summary>
    /// <exception cref="QmpBrokenException">The line is too long, or the connection ended within it.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync()
    {
        while (true)
        {
            int length = _buffer.AsSpan(_scanned, _end - _scanned).IndexOf((byte)'\n');
            if (length >= 0)
            {
                ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, _scanned + length - _start);
                _start = _scanned += length + 1;
                return line;
            }

            MakeRoom();
            int count = await stream.ReadAsync(_buffer.AsMemory(_end)).ConfigureAwait(false);
            if (count == 0)
                return _end == 0
                    ? null
                    : throw new QmpBrokenException(
                        $"it closed the connection in the middle of a message: {QmpMessage.Excerpt(_buffer.AsSpan(0, _end))}"
                    );
            _end += count;
        }
    }

    private void MakeRoom()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _scanned = _end -= _start;
        _start = 0;
        if (_end < _buffer.Length)
            return;
        if (_end == maxLineBytes)
            throw new QmpBrokenException($"it sent a line of more than {maxLineBytes} bytes: {QmpMessage.Excerpt(_buffer)}");
        Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, maxLineBytes));
    }
}
