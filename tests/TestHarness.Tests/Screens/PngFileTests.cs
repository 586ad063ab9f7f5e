using FluentAssertions;
using TestHarness.Screens;
using Xunit;

namespace TestHarness.Tests.Screens;

[Fault(
    "A golden picture is cut off, damaged or no PNG, or claims 30,000×30,000 pixels.",
    "An error names the file, before memory is taken for it."
)]
public sealed class PngFileTests
{
    private const int Width = 37;
    private const int Height = 29;

    public static TheoryData<int, int, bool> Kinds
    {
        get
        {
            var kinds = new TheoryData<int, int, bool>();
            (int Type, int[] Depths)[] depths = [(0, [1, 2, 4, 8, 16]), (2, [8, 16]), (3, [1, 2, 4, 8]), (4, [8, 16]), (6, [8, 16])];
            foreach ((int type, int[] some) in depths)
            {
                foreach (int depth in some)
                {
                    kinds.Add(type, depth, false);
                    kinds.Add(type, depth, true);
                }
            }

            return kinds;
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Reads_every_colour_type_depth_and_interlace(int colourType, int depth, bool interlaced)
    {
        var random = new Random((colourType * 100) + depth);
        int colours = 1 << Math.Min(depth, 8);
        var maker = new PngMaker(Width, Height, colourType, depth)
        {
            Palette =
                colourType != 3
                    ? null
                    :
                    [
                        .. Enumerable
                            .Range(0, colours)
                            .Select(_ => new[] { (byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256) }),
                    ],
            PaletteAlpha = colourType != 3 ? null : [0, 128],
        };
        int[] samples = [.. Enumerable.Range(0, Width * Height * maker.Channels).Select(_ => random.Next(1 << depth))];

        PixelImage picture = PngFile.Read(maker.Write(samples, interlaced), "generated.png");

        (picture.Width, picture.Height).Should().Be((Width, Height));
        picture
            .Pixels.Should()
            .Equal(
                Enumerable
                    .Range(0, Width * Height)
                    .Select(i => Expected(samples.AsSpan(i * maker.Channels, maker.Channels), colourType, depth, maker))
            );
    }

    [Theory]
    [InlineData(30_000, 30_000)]
    [InlineData(20_000, 10)]
    [InlineData(16_000, 16_000)]
    public void Refuses_a_huge_picture_before_it_makes_room_for_it(int width, int height)
    {
        var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        PngMaker.Chunk(file, "IHDR", PngMaker.Header(width, height, 8, 6, interlaced: false));
        PngMaker.Chunk(file, "IEND", []);
        byte[] bomb = file.ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();

        Action read = () => PngFile.Read(bomb, "bomb.png");

        read.Should()
            .Throw<InvalidDataException>()
            .WithMessage(
                $"The picture 'bomb.png' can't be read: its header tells a size of {width}×{height}, and pictures of more than "
                    + "16384 pixels a side*"
            );
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(5_000_000);
    }

    [Fact]
    public void Names_the_file_and_the_reason_when_it_is_cut_off_anywhere()
    {
        byte[] whole = new PngMaker(8, 8, 2, 8).Write(new int[8 * 8 * 3], interlaced: false);
        for (int length = 0; length < whole.Length; length++)
        {
            Action read = () => PngFile.Read(whole.AsSpan(0, length), "some/golden.png");
            read.Should().Throw<InvalidDataException>().WithMessage("The picture 'some/golden.png' can't be read: it is *");
        }
    }

    [Fact]
    public void Reads_nothing_wrong_and_never_crashes_when_bytes_are_damaged()
    {
        byte[] whole = new PngMaker(16, 16, 2, 8).Write([.. Enumerable.Range(0, 16 * 16 * 3).Select(i => i % 251)], interlaced: true);
        uint[] right = PngFile.Read(whole, "whole.png").Pixels;
        var random = new Random(7);
        int refused = 0;
        for (int round = 0; round < 2_000; round++)
        {
            byte[] damaged = [.. whole];
            int at = random.Next(damaged.Length);
            damaged[at] ^= (byte)(1 << random.Next(8));
            try
            {
                PngFile.Read(damaged, "damaged.png").Pixels.Should().Equal(right, $"byte {at} is not needed");
            }
            catch (InvalidDataException e)
            {
                e.Message.Should().StartWith("The picture 'damaged.png' can't be read: it");
                refused++;
            }
        }

        refused.Should().BeGreaterThan(1_500);
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("P6 1024 768 255", "it is no PNG file: it begins with 5036203130323420")]
    [InlineData("<html>", "it is no PNG file: it begins with 3C68746D6C3E")]
    public void Says_so_when_it_is_no_PNG_file(string content, string reason)
    {
        Action read = () => PngFile.Read(System.Text.Encoding.ASCII.GetBytes(content), "x.png");

        read.Should().Throw<InvalidDataException>().WithMessage($"The picture 'x.png' can't be read: {reason}.");
    }

    [Fact]
    public void Reads_what_it_writes()
    {
        var random = new Random(1);
        // Noise, which can't be compressed.
        var picture = new PixelImage(
            203,
            101,
            [.. Enumerable.Range(0, 203 * 101).Select(_ => (uint)random.Next() << 8 | 0xff000000 | (uint)random.Next(256))]
        );

        PngFile.Read(PngFile.Write(picture), "written.png").Pixels.Should().Equal(picture.Pixels);
    }

    private static uint Expected(ReadOnlySpan<int> sample, int colourType, int depth, PngMaker maker)
    {
        if (colourType == 3)
        {
            byte[] entry = maker.Palette![sample[0]];
            return Pixel(entry[0], entry[1], entry[2], sample[0] < maker.PaletteAlpha!.Length ? maker.PaletteAlpha[sample[0]] : (byte)255);
        }

        // The upper half of 16 bits; fewer are spread over the whole range.
        int To8(int value) => depth == 16 ? value >> 8 : value * 255 / ((1 << depth) - 1);
        int first = To8(sample[0]);
        return colourType switch
        {
            0 => Pixel(first, first, first, 255),
            4 => Pixel(first, first, first, To8(sample[1])),
            2 => Pixel(first, To8(sample[1]), To8(sample[2]), 255),
            _ => Pixel(first, To8(sample[1]), To8(sample[2]), To8(sample[3])),
        };
    }

    private static uint Pixel(int red, int green, int blue, int alpha) => (uint)((alpha << 24) | (red << 16) | (green << 8) | blue);
}
