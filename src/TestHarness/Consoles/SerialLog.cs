using System.Text;
using TestHarness.Text;

namespace TestHarness;

/// <summary>
/// What a machine wrote to its serial console since its first byte, as it stands at the moment. Of a log of more than 4 MiB the first MiB
/// and the last 3 MiB are kept, with a line <c>[… N bytes dropped …]</c> between them.
/// </summary>
public sealed class SerialLog
{
    // The boot, which explains most failures, and what came last; together not too much to attach to each failed test.
    private const int HeadBytes = 1024 * 1024;
    private const int TailBytes = 3 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly HeadAndTail _bytes;
    private long _heldReturns;

    private readonly Func<SecretMask> _mask;

    internal SerialLog(int headBytes = HeadBytes, int tailBytes = TailBytes, Func<SecretMask>? mask = null)
    {
        _bytes = new HeadAndTail(headBytes, tailBytes);
        _mask = mask ?? (() => SecretMask.None);
    }

    /// <summary>Gets the text: UTF-8, with LF line ends (a console writes CR LF); what is not valid becomes U+FFFD.</summary>
    public string Text
    {
        get
        {
            lock (_gate)
                return Encoding.UTF8.GetString(_bytes.ToMemory().Span);
        }
    }

    /// <summary>
    /// Gets the text as a person at a terminal would have seen it, line by line: without escape sequences and control characters, and with
    /// what was written over (carriage return, backspace) written over.
    /// </summary>
    public string PlainText => TerminalText.Of(Text);

    /// <summary>Gets how many bytes there are, with those that are dropped.</summary>
    internal long Length
    {
        get
        {
            lock (_gate)
                return _bytes.Length;
        }
    }

    /// <summary>Writes the log to a file, whose folder is made: the guest's own bytes, with LF line ends.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>A task for the writing.</returns>
    public async Task SaveAsync(string path, CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        byte[] bytes;
        lock (_gate)
            bytes = _bytes.ToMemory().ToArray();
        await File.WriteAllBytesAsync(path, bytes, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Counts how many of some texts the log has by now, each behind the one before, until the first that is not there.</summary>
    /// <param name="texts">The texts, compared exactly.</param>
    /// <returns>The number; that of the texts where it has all.</returns>
    public int CountInOrder(params IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        string all = Text;
        int from = 0;
        for (int count = 0; count < texts.Count; count++)
        {
            int found = all.IndexOf(texts[count], from, StringComparison.Ordinal);
            if (found < 0)
                return count;
            from = found + texts[count].Length;
        }

        return texts.Count;
    }

    /// <summary>Puts <c>***</c> in place of the machine's <see cref="MachineSpec.Secrets"/>, for messages.</summary>
    /// <param name="text">The text; not yet cut, since a part of a secret may not be found.</param>
    /// <returns>The text without them.</returns>
    public string WithoutSecrets(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _mask().Apply(text, endsCut: true);
    }

    /// <summary>Returns the text.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Text;

    /// <summary>Returns the last lines, without making the whole text for them.</summary>
    internal string Tail(int lines)
    {
        lock (_gate)
            return TextTail.Of(_bytes.Last(TextTail.MaxBytes), lines);
    }

    /// <summary>Returns the text, and where in it a position is (behind what is dropped there).</summary>
    internal (string Text, int Start) TextAt(long position)
    {
        lock (_gate)
        {
            ReadOnlySpan<byte> all = _bytes.ToMemory().Span;
            long kept = _bytes.Kept(position);
            int start = _bytes.Beginning(kept) == 0 ? (int)kept : all.Length - _bytes.CountFrom(kept);
            string before = Encoding.UTF8.GetString(all[..start]);
            return ($"{before}{Encoding.UTF8.GetString(all[start..])}", before.Length);
        }
    }

    /// <summary>
    /// Copies what is kept from a position on (or behind what is dropped there) up to the end or up to what is dropped, with some bytes
    /// before it. Positions count all bytes since the first, so they hold whatever is dropped. <c>Next</c> is where to read on: behind the
    /// bytes, unless something is dropped there.
    /// </summary>
    internal (long From, int Count, long Next) Read(long position, int before, ref byte[] buffer)
    {
        lock (_gate)
        {
            long kept = _bytes.Kept(position);
            long from = Math.Max(_bytes.Beginning(kept), kept - before);
            int count = _bytes.CountFrom(from);
            if (buffer.Length < count)
                buffer = new byte[count];
            _bytes.CopyTo(from, buffer.AsSpan(0, count));
            return (from, count, _bytes.Kept(from + count));
        }
    }

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            while (!bytes.IsEmpty)
            {
                // CRs go with their LF (some programs add one to the terminal's), which a read may have cut off: those at the end wait for
                // what follows.
                int returns = LengthUntil(bytes.IndexOfAnyExcept((byte)'\r'), bytes);
                _heldReturns += returns;
                bytes = bytes[returns..];
                if (bytes.IsEmpty)
                    return;
                if (bytes[0] != '\n')
                    AppendReturns();
                _heldReturns = 0;
                int others = LengthUntil(bytes.IndexOf((byte)'\r'), bytes);
                _bytes.Append(bytes[..others]);
                bytes = bytes[others..];
            }
        }

        static int LengthUntil(int found, ReadOnlySpan<byte> bytes) => found < 0 ? bytes.Length : found;
    }

    private void AppendReturns()
    {
        Span<byte> returns = stackalloc byte[256];
        returns.Fill((byte)'\r');
        for (; _heldReturns > 0; _heldReturns -= Math.Min(_heldReturns, returns.Length))
            _bytes.Append(returns[..(int)Math.Min(_heldReturns, returns.Length)]);
    }
}
