using System.Text;

namespace TestHarness.Guest;

/// <summary>Cuts a stream of UTF-8 bytes into lines; a line end is LF or CR LF.</summary>
internal sealed class LineSplitter(Action<string> onLine)
{
    // A guest that never ends its line must not fill the host's memory.
    private const int MaxLineBytes = 1024 * 1024;

    private readonly List<byte> _line = [];

    public void Add(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf((byte)'\n');
            ReadOnlySpan<byte> part = end < 0 ? bytes : bytes[..end];
            _line.AddRange(part[..Math.Min(part.Length, MaxLineBytes - _line.Count)]);
            if (end < 0)
                return;
            Emit();
            bytes = bytes[(end + 1)..];
        }
    }

    /// <summary>Hands on what came after the last line end.</summary>
    public void End()
    {
        if (_line.Count > 0)
            Emit();
    }

    private void Emit()
    {
        if (_line.Count > 0 && _line[^1] == '\r')
            _line.RemoveAt(_line.Count - 1);
        string text = Encoding.UTF8.GetString([.. _line]);
        _line.Clear();
        onLine(text);
    }
}
