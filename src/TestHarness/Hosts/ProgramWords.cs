using System.Text;
using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>
/// What a program says on its standard error: the beginning and the end, however much it is and whether or not a line ends.
/// </summary>
/// <param name="bytes">How much is kept at most.</param>
internal sealed class ProgramWords(int bytes)
{
    private readonly HeadAndTail _kept = new(bytes / 2, bytes / 2);

    /// <summary>Gets what is kept, with a line that says how much is missing where something is.</summary>
    public string Text
    {
        get
        {
            lock (_kept)
                return Encoding.UTF8.GetString(_kept.ToMemory().Span);
        }
    }

    /// <summary>Reads to the end; more than one reader may feed it.</summary>
    public async Task CollectAsync(TextReader reader)
    {
        var characters = new char[4096];
        var utf8 = new byte[Encoding.UTF8.GetMaxByteCount(characters.Length)];
        int count;
        while ((count = await reader.ReadAsync(characters).ConfigureAwait(false)) > 0)
        {
            int length = Encoding.UTF8.GetBytes(characters.AsSpan(0, count), utf8);
            lock (_kept)
                _kept.Append(utf8.AsSpan(0, length));
        }
    }
}
