using System.Text;

namespace TestHarness;

/// <summary>What a machine wrote to its serial console since its first byte, as it stands at the moment.</summary>
public sealed class SerialLog
{
    private readonly Lock _gate = new();
    private readonly StringBuilder _text = new();
    private readonly Decoder _decoder = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false).GetDecoder();

    internal SerialLog()
    {
    }

    /// <summary>Gets the text: UTF-8, with LF line ends (a console writes CR LF).</summary>
    public string Text
    {
        get
        {
            lock (_gate)
                return _text.ToString();
        }
    }

    /// <summary>Writes the text to a file, whose folder is made.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>A task for the writing.</returns>
    public async Task SaveAsync(string path, CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await File.WriteAllTextAsync(path, Text, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns the text.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Text;

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            var characters = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
            int count = _decoder.GetChars(bytes, characters, flush: false);
            foreach (char character in characters.AsSpan(0, count))
            {
                // CR LF may be cut by a read, so the CRs are dropped when their LF comes (some programs add one to the terminal's).
                while (character == '\n' && _text.Length > 0 && _text[^1] == '\r')
                    _text.Length--;
                _text.Append(character);
            }
        }
    }
}
