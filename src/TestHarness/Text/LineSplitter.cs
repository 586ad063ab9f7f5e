using System.Buffers;
using System.Text;

namespace TestHarness.Text;

/// <summary>
/// Cuts a stream of UTF-8 bytes into lines; a line end is LF or CR LF. A line that is longer than the limit is handed on in pieces, so that
/// a guest that never ends its line does not fill the host's memory.
/// </summary>
internal sealed class LineSplitter(Action<string> onLine, int maxLineBytes = LineSplitter.MaxLineBytes)
{
    public const int MaxLineBytes = 64 * 1024;

    private readonly List<byte> _line = [];
    private bool _inPieces;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf((byte)'\n');
            ReadOnlySpan<byte> part = end < 0 ? bytes : bytes[..end];
            while (_line.Count + part.Length > maxLineBytes)
            {
                int taken = maxLineBytes - _line.Count;
                _line.AddRange(part[..taken]);
                part = part[taken..];
                EmitPiece();
            }

            _line.AddRange(part);
            if (end < 0)
                return;
            EmitLine();
            bytes = bytes[(end + 1)..];
        }
    }

    /// <summary>Hands on what came after the last line end.</summary>
    public void End()
    {
        if (_line.Count > 0)
            EmitLine();
    }

    private void EmitLine()
    {
        if (_line.Count > 0 && _line[^1] == '\r')
            _line.RemoveAt(_line.Count - 1);
        // Where the last piece ended with the line, all of it has been handed on.
        if (_line.Count > 0 || !_inPieces)
            onLine(Encoding.UTF8.GetString([.. _line]));
        _line.Clear();
        _inPieces = false;
    }

    // A CR that may belong to the line's end, or a character that is not complete, goes to the next piece.
    private void EmitPiece()
    {
        byte[] piece = [.. _line];
        int kept =
            piece[^1] == '\r' ? 1
            : Rune.DecodeLastFromUtf8(piece, out _, out int length) == OperationStatus.NeedMoreData ? length
            : 0;
        _line.Clear();
        _line.AddRange(piece.AsSpan(piece.Length - kept));
        _inPieces = true;
        onLine(Encoding.UTF8.GetString(piece.AsSpan(0, piece.Length - kept)));
    }
}
