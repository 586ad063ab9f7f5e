using TestHarness.Screens;

namespace TestHarness.Tests.Screens;

/// <summary>Pictures that tests compare: a screen with words on it, and shapes drawn with anti-aliased edges.</summary>
internal static class Pictures
{
    public const uint Black = 0xff000000;
    public const uint White = 0xffffffff;
    public const uint Grey = 0xffaaaaaa;

    // Five columns a letter, from the lowest bit up.
    private static readonly Dictionary<char, byte[]> Letters = new()
    {
        ['0'] = [0x3e, 0x41, 0x41, 0x41, 0x3e],
        ['8'] = [0x36, 0x49, 0x49, 0x49, 0x36],
        ['B'] = [0x7f, 0x49, 0x49, 0x49, 0x36],
        ['E'] = [0x7f, 0x49, 0x49, 0x41, 0x41],
        ['H'] = [0x7f, 0x08, 0x08, 0x08, 0x7f],
        ['L'] = [0x7f, 0x40, 0x40, 0x40, 0x40],
        ['O'] = [0x3e, 0x41, 0x41, 0x41, 0x3e],
        [' '] = [0, 0, 0, 0, 0],
    };

    public static PixelImage Screen(int width = 1024, int height = 768) => PixelImage.Filled(width, height, Black);

    /// <summary>A screen full of text.</summary>
    public static PixelImage TextScreen(uint colour = Grey)
    {
        PixelImage screen = Screen();
        for (int line = 0; line < 47; line++)
            Write(screen, "HELLO B008 HELLO BELL 0BOE HELLO", 8 + (line % 7 * 12), 4 + (line * 16), colour);
        return screen;
    }

    /// <summary>Writes with pixels of one colour, as a text console does, each twice as large.</summary>
    public static void Write(PixelImage picture, string text, int x, int y, uint colour)
    {
        foreach ((int index, char letter) in text.Index())
        {
            for (int column = 0; column < 10; column++)
            {
                for (int row = 0; row < 14; row++)
                {
                    if ((Letters[letter][column / 2] >> (row / 2) & 1) != 0)
                        picture.Row(y + row)[x + (index * 12) + column] = colour;
                }
            }
        }
    }

    /// <summary>Writes the same letters shrunk, so that their edges blend into what is there, as a desktop's fonts do.</summary>
    public static void WriteSmooth(PixelImage picture, string text, double x, double y, uint colour, double size = 0.8)
    {
        foreach ((int index, char letter) in text.Index())
        {
            double left = x + (index * 12 * size);
            Fill(
                picture,
                (px, py) =>
                {
                    double column = (px - left) / (2 * size);
                    double row = (py - y) / (2 * size);
                    return column is >= 0 and < 5 && row is >= 0 and < 7 && (Letters[letter][(int)column] >> (int)row & 1) != 0;
                },
                new ScreenArea((int)left - 1, (int)y - 1, (int)(14 * size), (int)(18 * size)),
                colour
            );
        }
    }

    /// <summary>Draws a disc with a smooth edge.</summary>
    public static void Disc(PixelImage picture, double x, double y, double radius, uint colour) =>
        Fill(
            picture,
            (px, py) => ((px - x) * (px - x)) + ((py - y) * (py - y)) < radius * radius,
            new ScreenArea((int)(x - radius) - 2, (int)(y - radius) - 2, (int)(2 * radius) + 5, (int)(2 * radius) + 5),
            colour
        );

    /// <summary>Draws a band with smooth edges, slanted.</summary>
    public static void Band(PixelImage picture, double x, double slant, double width, uint colour) =>
        Fill(picture, (px, py) => px - (py * slant) >= x && px - (py * slant) < x + width, picture.Area, colour);

    // Each pixel by the part of it that is inside the shape, at 8 times 8 places.
    private static void Fill(PixelImage picture, Func<double, double, bool> inside, ScreenArea area, uint colour)
    {
        const int Steps = 8;
        area = area.ClippedTo(picture.Width, picture.Height);
        for (int y = area.Y; y < area.Bottom; y++)
        {
            for (int x = area.X; x < area.Right; x++)
            {
                int hits = 0;
                for (int i = 0; i < Steps * Steps; i++)
                    hits += inside(x + (((i % Steps) + 0.5) / Steps), y + (((i / Steps) + 0.5) / Steps)) ? 1 : 0;
                ref uint pixel = ref picture.Row(y)[x];
                pixel = Blend(pixel, colour, hits / (double)(Steps * Steps));
            }
        }
    }

    private static uint Blend(uint below, uint above, double share)
    {
        uint Channel(int shift) =>
            (uint)Math.Round((((below >> shift) & 0xff) * (1 - share)) + (((above >> shift) & 0xff) * share)) << shift;
        return 0xff000000 | Channel(16) | Channel(8) | Channel(0);
    }
}
