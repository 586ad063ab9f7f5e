using System.Buffers.Binary;
using System.Text;

namespace TestHarness.Screens;

/// <summary>The characters of a text screen: cells of one size in rows and columns.</summary>
internal sealed class TextGrid(int columns, int rows, char[] cells, int cursor)
{
    private const int BytesOfHeader = 4;
    private const int MostMarked = 2;

    // What the letters below the space look like on a PC; the rest of code page 437 .NET knows.
    private const string LowGlyphs = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";

    private static readonly Encoding CodePage437 = CodePagesEncodingProvider.Instance.GetEncoding(437)!;

    /// <summary>Reads VGA text memory: a character and an attribute for each cell.</summary>
    public static TextGrid? OfVga(ReadOnlySpan<byte> memory, int columns, int rows) =>
        memory.Length < 2 * columns * rows ? null : new TextGrid(columns, rows, Glyphs(memory, columns * rows), cursor: -1);

    /// <summary>
    /// Reads what Linux gives for a console: <c>/dev/vcsa</c> (vcs(4): rows, columns, cursor, then a character and an attribute a cell),
    /// followed by <c>/dev/vcsu</c> (four bytes of Unicode a cell) where there is one.
    /// </summary>
    public static TextGrid? OfConsole(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < BytesOfHeader || bytes[0] == 0)
            return null;
        int rows = bytes[0];
        ReadOnlySpan<byte> cells = bytes[BytesOfHeader..];
        bool unicode = cells.Length % (6 * rows) == 0 && cells.Length / 6 / rows >= bytes[1];
        // The header's number ends at 255.
        int columns = cells.Length / (unicode ? 6 : 2) / rows;
        int count = rows * columns;
        if (columns == 0 || columns < bytes[1] || cells.Length != count * (unicode ? 6 : 2))
            return null;
        return new TextGrid(columns, rows, unicode ? Wide(cells[(2 * count)..]) : Glyphs(cells, count), (bytes[3] * columns) + bytes[2]);
    }

    /// <summary>
    /// Tells whether the picture can be of this text: what is blank here is blank there, and the other way round. It is not where something
    /// else draws on the screen than what this was read from.
    /// </summary>
    public bool Fits(RawFrame frame)
    {
        if (frame.Width < columns || frame.Height < rows)
            return false;
        int marked = 0,
            plain = 0,
            inked = 0;
        for (int at = 0; at < cells.Length; at++)
        {
            // A cursor may be on or off.
            if (at == cursor)
                continue;
            bool isPlain = frame.IsPlain(AreaOf(at, frame));
            if (cells[at] != ' ')
                inked++;
            if (cells[at] != ' ' && isPlain)
                plain++;
            // A few: a cursor whose place is not known.
            if (cells[at] == ' ' && !isPlain && ++marked > MostMarked)
                return false;
        }

        // Half: text that blinks, or has the colour of its ground.
        return plain <= inked / 2;
    }

    /// <summary>The text, with the place of each character in the picture.</summary>
    public ScreenText ToText(RawFrame frame, ScreenTextSource source) =>
        new(
            source,
            [
                .. Enumerable
                    .Range(0, rows)
                    .Select(row =>
                    {
                        string line = new string(cells, row * columns, columns).TrimEnd();
                        return new ScreenLine(line, [.. Enumerable.Range(row * columns, line.Length).Select(at => AreaOf(at, frame))]);
                    }),
            ]
        );

    private ScreenArea AreaOf(int cell, RawFrame frame)
    {
        int width = frame.Width / columns,
            height = frame.Height / rows;
        return new ScreenArea(cell % columns * width, cell / columns * height, width, height);
    }

    private static char[] Glyphs(ReadOnlySpan<byte> cells, int count)
    {
        char[] text = new char[count];
        for (int at = 0; at < count; at++)
        {
            byte glyph = cells[2 * at];
            text[at] = glyph < LowGlyphs.Length ? LowGlyphs[glyph] : Blank(CodePage437.GetChars([glyph])[0]);
        }

        return text;
    }

    private static char[] Wide(ReadOnlySpan<byte> cells)
    {
        char[] text = new char[cells.Length / 4];
        for (int at = 0; at < text.Length; at++)
        {
            uint character = BinaryPrimitives.ReadUInt32LittleEndian(cells[(4 * at)..]);
            text[at] =
                character is < ' ' or '\x7f' ? ' '
                : character > char.MaxValue || char.IsSurrogate((char)character) ? '\ufffd'
                : Blank((char)character);
        }

        return text;
    }

    private static char Blank(char character) => character == '\u00a0' ? ' ' : character;
}
