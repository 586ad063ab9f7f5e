using System.Text;
using FluentAssertions;
using TestHarness.Screens;
using Xunit;

namespace TestHarness.Tests.Screens;

public sealed class ScreenTextTests
{
    [Fact]
    public void Reads_VGA_memory_with_the_letters_of_a_PC()
    {
        byte[] memory = new byte[2 * 4 * 2];
        byte[] glyphs = [0, (byte)'A', 0xb3, 0x81, 1, 0xdb, 0xff, 0];
        for (int at = 0; at < glyphs.Length; at++)
            (memory[2 * at], memory[(2 * at) + 1]) = (glyphs[at], 7);

        ScreenText text = TextGrid.OfVga(memory, columns: 4, rows: 2)!.ToText(Frame(32, 32), ScreenTextSource.VgaMemory);

        text.Lines.Should().Equal(" A│ü", "☺█");
        text.Find("│ü").Should().Be(new ScreenArea(16, 0, 16, 16));
    }

    [Fact]
    public void Reads_Linux_console_with_Unicode_and_without()
    {
        byte[] old = [1, 3, 0, 0, (byte)'h', 7, (byte)'i', 7, (byte)' ', 7];
        byte[] unicode = [.. old, .. Encoding.UTF32.GetBytes("h€ ")];

        TextGrid.OfConsole(old)!.ToText(Frame(24, 16), ScreenTextSource.LinuxConsole).Text.Should().Be("hi");
        TextGrid.OfConsole(unicode)!.ToText(Frame(24, 16), ScreenTextSource.LinuxConsole).Text.Should().Be("h€");
        TextGrid.OfConsole(old.AsSpan(0, 7)).Should().BeNull();
        TextGrid.OfConsole([]).Should().BeNull();
    }

    [Fact]
    public void Text_is_not_believed_where_the_picture_shows_something_else()
    {
        byte[] blank = new byte[2 * 80 * 25];
        byte[] written = [.. blank];
        for (int at = 0; at < 20; at++)
            written[2 * at] = (byte)'x';
        RawFrame empty = Frame(640, 400);
        RawFrame inked = Frame(640, 400, (x, y) => x < 160 && y < 16 && (x + y) % 3 == 0);

        TextGrid.OfVga(blank, 80, 25)!.Fits(empty).Should().BeTrue();
        TextGrid.OfVga(written, 80, 25)!.Fits(inked).Should().BeTrue();
        TextGrid.OfVga(blank, 80, 25)!.Fits(inked).Should().BeFalse();
        TextGrid.OfVga(written, 80, 25)!.Fits(empty).Should().BeFalse();
    }

    [Fact]
    public void Reads_what_tesseract_found_with_its_places()
    {
        const string Output =
            "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
            + "4\t1\t1\t1\t1\t0\t30\t300\t90\t30\t-1\t\n"
            + "5\t1\t1\t1\t1\t1\t30\t300\t60\t30\t96.1\tClick\n"
            + "5\t1\t1\t1\t1\t2\t120\t300\t60\t30\t95.0\tOK\n"
            + "5\t1\t2\t1\t1\t1\t30\t60\t60\t30\t90.0\tTitle\n";

        ScreenText text = Tesseract.Parse(Output);

        text.Text.Should().Be("Title\nClick OK");
        text.Source.Should().Be(ScreenTextSource.Recognition);
        text.Find("OK").Should().Be(new ScreenArea(40, 100, 20, 10));
        text.Find("Click OK").Should().Be(new ScreenArea(10, 100, 50, 10));
    }

    [Fact]
    public void A_part_of_a_picture_is_refused() =>
        FluentActions
            .Invoking(() => new RawFrame("P6\n4 4\n255\nabc"u8.ToArray()))
            .Should()
            .Throw<InvalidDataException>()
            .WithMessage("*4x4*");

    private static RawFrame Frame(int width, int height, Func<int, int, bool>? isWhite = null)
    {
        byte[] head = Encoding.ASCII.GetBytes($"P6\n{width} {height}\n255\n");
        byte[] file = new byte[head.Length + (3 * width * height)];
        head.CopyTo(file, 0);
        for (int at = 0; isWhite is not null && at < width * height; at++)
        {
            if (isWhite(at % width, at / width))
                file.AsSpan(head.Length + (3 * at), 3).Fill(255);
        }

        return new RawFrame(file);
    }
}
