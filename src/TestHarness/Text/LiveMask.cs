using System.Text;

namespace TestHarness.Text;

/// <summary>
/// Masks the lines of one stream while they come. No line waits for the next one: what may be the beginning of a secret is masked at once,
/// and what has come before is remembered as far as a secret may reach back. Not safe for threads.
/// </summary>
internal sealed class LiveMask(SecretMask mask)
{
    // A line that the splitter had to hand on in pieces goes on in the next one.
    private const int PieceBytes = LineSplitter.MaxLineBytes - 4;

    private string _before = "";

    public string Apply(string line)
    {
        if (mask.Longest == 0)
            return line;
        bool isPiece = line.Length > PieceBytes / 4 && Encoding.UTF8.GetByteCount(line) >= PieceBytes;
        string text = isPiece ? $"{_before}{line}" : $"{_before}{line}\n";
        string masked = mask.Apply(text, _before.Length, endsCut: true, shortestBeginning: isPiece ? 1 : SecretMask.ShortestLine + 1);
        _before = text[Math.Max(0, text.Length - mask.Longest)..];
        return masked.EndsWith('\n') ? masked[..^1] : masked;
    }
}
