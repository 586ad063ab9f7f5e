using FluentAssertions;
using TestHarness.Screens;
using Xunit;

namespace TestHarness.Tests.Screens;

public sealed class PictureComparisonTests
{
    private const uint Red = 0xffaa0000;

    [Fact]
    public void Equal_pictures_match_with_no_pixel_different()
    {
        PictureDifference difference = Compare(Pictures.TextScreen(), Pictures.TextScreen());

        difference.Matches.Should().BeTrue();
        (difference.Different, difference.Excused, difference.Compared).Should().Be((0, 0, 1024 * 768));
    }

    public static TheoryData<uint, uint> Colours =>
        new()
        {
            { Pictures.Grey, Red },
            { Pictures.Grey, 0xff9e9e9e },
            { 0xff00aa00, 0xff0000aa },
            // Both have the brightness 89.7: a comparison in grey sees nothing.
            { 0xffff2000, 0xff009900 },
            { 0xffff00ff, 0xffff00d0 },
        };

    [Theory, MemberData(nameof(Colours))]
    public void A_word_in_another_colour_differs(uint colour, uint wrong)
    {
        PixelImage expected = Pictures.TextScreen();
        PixelImage actual = Pictures.TextScreen();
        Pictures.Write(expected, "HELLO", 500, 700, colour);
        Pictures.Write(actual, "HELLO", 500, 700, wrong);

        PictureDifference difference = Compare(expected, actual);

        difference.Matches.Should().BeFalse();
        ScreenArea word = difference.Regions().Should().ContainSingle().Subject;
        word.ToString().Should().Be("58×14 at 500,700");
        DifferenceRegions.Place(word, 1024, 768).Should().Be("bottom");
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.8)]
    [InlineData(0.5)]
    [InlineData(0.35)]
    public void A_word_with_smooth_edges_in_another_colour_differs(double size)
    {
        foreach ((uint colour, uint wrong) in Colours.Select(row => row.Data))
        {
            PixelImage expected = Pictures.Screen(200, 100);
            PixelImage actual = Pictures.Screen(200, 100);
            Pictures.WriteSmooth(expected, "HELLO", 20.3, 30.7, colour, size);
            Pictures.WriteSmooth(actual, "HELLO", 20.3, 30.7, wrong, size);

            Compare(expected, actual).Matches.Should().BeFalse($"{colour:x} is not {wrong:x}");
        }
    }

    [Theory]
    [InlineData("B", "8")]
    [InlineData("E", "L")]
    [InlineData("H", " ")]
    public void Another_letter_differs(string letter, string other)
    {
        PixelImage expected = Pictures.Screen(200, 100);
        PixelImage actual = Pictures.Screen(200, 100);
        Pictures.Write(expected, letter, 50, 50, Pictures.Grey);
        Pictures.Write(actual, other, 50, 50, Pictures.Grey);
        Compare(expected, actual).Matches.Should().BeFalse();

        expected = Pictures.Screen(200, 100);
        actual = Pictures.Screen(200, 100);
        Pictures.WriteSmooth(expected, letter, 50.2, 50.4, Pictures.Grey);
        Pictures.WriteSmooth(actual, other, 50.2, 50.4, Pictures.Grey);
        Compare(expected, actual).Matches.Should().BeFalse("of letters with smooth edges, too");
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.25)]
    [InlineData(0.4)]
    public void A_smooth_edge_that_is_drawn_a_fraction_of_a_pixel_elsewhere_matches(double shift)
    {
        PixelImage expected = Shapes(0);
        PixelImage actual = Shapes(shift);

        PictureDifference difference = Compare(expected, actual);

        difference.Matches.Should().BeTrue();
        difference.Excused.Should().BeGreaterThan(1000, "the pictures are not the same");
        Compare(expected, actual, new PictureRules { AntiAliasing = AntiAliasing.Compare }).Different.Should().Be(difference.Excused);
    }

    [Fact]
    public void A_shape_that_has_moved_by_two_pixels_differs() => Compare(Shapes(0), Shapes(2)).Matches.Should().BeFalse();

    [Fact]
    public void A_shape_in_another_colour_differs_whatever_its_edges_do()
    {
        PixelImage expected = Pictures.Screen(300, 300);
        PixelImage actual = Pictures.Screen(300, 300);
        Pictures.Disc(expected, 150, 150, 60, Pictures.White);
        Pictures.Disc(actual, 150.3, 150.1, 60, 0xffffffc0);

        Compare(expected, actual).Different.Should().BeGreaterThan(10_000);
    }

    [Fact]
    public void A_single_pixel_differs_anywhere()
    {
        foreach ((int x, int y) in new[] { (0, 0), (1023, 767), (1023, 0), (0, 767), (512, 300), (1019, 5) })
        {
            PixelImage actual = Pictures.TextScreen();
            actual.Row(y)[x] ^= 0x00ffffff;

            PictureDifference difference = Compare(Pictures.TextScreen(), actual);

            difference.Different.Should().Be(1);
            difference.Regions().Should().ContainSingle().Which.Should().Be(new ScreenArea(x, y, 1, 1));
        }
    }

    [Theory]
    [InlineData(0.02, false)]
    [InlineData(0.06, true)]
    public void Has_a_tolerance_for_each_pixel(double tolerance, bool matches)
    {
        PixelImage actual = Pictures.Screen(64, 64);
        actual.Pixels.AsSpan().Fill(0xff0a0a0a);

        Compare(Pictures.Screen(64, 64), actual, new PictureRules { Tolerance = tolerance }).Matches.Should().Be(matches);
    }

    [Theory]
    [InlineData(9, 0, false)]
    [InlineData(10, 0, true)]
    [InlineData(0, 0.0009, false)]
    [InlineData(0, 0.001, true)]
    public void Lets_so_many_pixels_differ_or_such_a_part_of_them(int pixels, double ratio, bool matches)
    {
        PixelImage actual = Pictures.Screen(100, 100);
        for (int i = 0; i < 10; i++)
            actual.Row(i * 10)[i * 10] = Pictures.White;

        Compare(Pictures.Screen(100, 100), actual, new PictureRules { MaxDifferentPixels = pixels, MaxDifferentRatio = ratio })
            .Matches.Should()
            .Be(matches);
    }

    [Fact]
    public void Compares_only_the_areas_that_are_given_each_with_its_own_share()
    {
        PixelImage actual = Pictures.Screen(100, 100);
        for (int i = 0; i < 10; i++)
            actual.Row(5)[i] = Pictures.White;

        PictureDifference With(params MatchArea[] areas) => Compare(Pictures.Screen(100, 100), actual, new PictureRules { Areas = areas });
        With(new MatchArea(new ScreenArea(0, 20, 100, 80))).Matches.Should().BeTrue();
        With(new MatchArea(new ScreenArea(0, 0, 100, 10))).Matches.Should().BeFalse();
        // Ten of 10,000 pixels, black against white: a mean square of 65.
        With(new MatchArea(new ScreenArea(0, 0, 100, 100), 83)).Matches.Should().BeTrue();
        With(new MatchArea(new ScreenArea(0, 20, 100, 80)), new MatchArea(new ScreenArea(0, 0, 100, 100), 95))
            .FailedAreas.Should()
            .ContainSingle()
            .Which.Should()
            .Be("100×100 at 0,0: 83.7 % similar, 95 % are asked for");
    }

    [Fact]
    public void Says_what_is_wrong_with_sizes()
    {
        Compare(Pictures.Screen(100, 100), Pictures.Screen(100, 99)).OtherReason.Should().Be("it is 100×99, and the golden 100×100");
        Compare(
            Pictures.Screen(100, 100),
            Pictures.Screen(100, 99),
            new PictureRules { Areas = [new MatchArea(new ScreenArea(0, 90, 10, 10))] }
        )
            .OtherReason.Should()
            .Be("its area 10×10 at 0,90 is not inside the screen's 100×99");
    }

    [Theory]
    [InlineData(37, -23)]
    [InlineData(-50, 50)]
    [InlineData(0, 1)]
    public void Finds_an_area_that_has_moved_within_the_margin(int x, int y)
    {
        PixelImage expected = Pictures.Screen();
        PixelImage actual = Pictures.Screen();
        Pictures.Write(expected, "HELLO BELL", 300, 300, Pictures.White);
        Pictures.Write(actual, "HELLO BELL", 300 + x, 300 + y, Pictures.White);
        var area = new ScreenArea(290, 290, 150, 40);

        Compare(expected, actual, new PictureRules { Areas = [new MatchArea(area, 100, 50)] }).Matches.Should().BeTrue();
        Compare(expected, actual, new PictureRules { Areas = [new MatchArea(area, 100, Math.Max(Math.Abs(x), Math.Abs(y)) - 1)] })
            .Matches.Should()
            .BeFalse();
    }

    [Fact]
    public void Ignores_what_is_marked()
    {
        PixelImage actual = Pictures.Screen(64, 64);
        var ignored = new byte[64 * 64];
        ignored[(63 * 64) + 63] = ignored[(10 * 64) + 12] = 1;
        actual.Row(63)[63] = actual.Row(10)[12] = Pictures.White;
        PictureRules rules = new() { Ignored = ignored };

        Compare(Pictures.Screen(64, 64), actual, rules)
            .Should()
            .BeEquivalentTo(
                new
                {
                    Matches = true,
                    Different = 0,
                    Compared = (64 * 64) - 2,
                }
            );
        actual.Row(10)[13] = Pictures.White;
        Compare(Pictures.Screen(64, 64), actual, rules).Different.Should().Be(1);
    }

    [Fact]
    public void Tells_places_apart_and_names_the_largest_first()
    {
        PixelImage actual = Pictures.TextScreen();
        Pictures.Write(actual, "HELLO", 40, 640, Pictures.White);
        Pictures.Write(actual, "0", 900, 20, Red);

        IReadOnlyList<ScreenArea> regions = Compare(Pictures.TextScreen(), actual).Regions();

        regions.Should().HaveCount(2);
        DifferenceRegions.Place(regions[0], 1024, 768).Should().Be("bottom left");
        DifferenceRegions.Place(regions[1], 1024, 768).Should().Be("top right");
    }

    [Fact]
    public void Draws_both_pictures_and_the_differences_side_by_side()
    {
        PixelImage expected = Pictures.Screen(100, 60);
        PixelImage actual = Pictures.Screen(100, 60);
        actual.Row(20)[30] = Pictures.White;

        PixelImage drawn = DifferencePicture.Draw(expected, actual, Compare(expected, actual));

        (drawn.Width, drawn.Height).Should().Be((316, 60));
        drawn.Row(20)[30].Should().Be(Pictures.Black);
        drawn.Row(20)[108 + 30].Should().Be(Pictures.White);
        drawn.Row(20)[216 + 30].Should().Be(0xffff0000);
        drawn.Row(17)[216 + 30].Should().Be(0xffff00ff, "a frame is drawn around the place");
    }

    [Fact]
    public void Eight_pixels_at_a_time_count_as_one_at_a_time_does()
    {
        var random = new Random(3);
        float limit = ColourDistance.Square(0.02);
        for (int round = 0; round < 300; round++)
        {
            (int width, int height) = (random.Next(1, 40), random.Next(1, 12));
            PixelImage one = PixelImage.Filled(width, height, Pictures.Black);
            PixelImage other = PixelImage.Filled(width, height, Pictures.Black);
            var ignored = new byte[width * height];
            int expected = 0;
            for (int i = 0; i < width * height; i++)
            {
                one.Pixels[i] = 0xff000000 | (uint)random.Next(0x1000000);
                other.Pixels[i] = random.Next(3) == 0 ? one.Pixels[i] : one.Pixels[i] ^ (uint)random.Next(1 << random.Next(24));
                ignored[i] = (byte)(random.Next(5) == 0 ? 1 : 0);
                expected += ignored[i] == 0 && ColourDistance.Squared(one.Pixels[i], other.Pixels[i]) > limit ? 1 : 0;
            }

            var rules = new PictureRules { Ignored = ignored, AntiAliasing = AntiAliasing.Compare };
            Compare(one, other, rules).Different.Should().Be(expected);
            PictureDifference smooth = Compare(one, other, rules with { AntiAliasing = AntiAliasing.Ignore });
            (smooth.Different + smooth.Excused).Should().Be(expected, "what is excused would have counted");
        }
    }

    private static PixelImage Shapes(double shift)
    {
        PixelImage picture = PixelImage.Filled(640, 400, 0xff203040);
        Pictures.Disc(picture, 200 + (shift * 0.8), 200 + (shift * 0.6), 120, Pictures.White);
        Pictures.Disc(picture, 420 - shift, 180, 33, 0xffc03030);
        Pictures.Band(picture, 500 + shift, 0.2, 40, 0xff30c030);
        return picture;
    }

    private static PictureDifference Compare(PixelImage expected, PixelImage actual, PictureRules? rules = null) =>
        PictureComparison.Compare(expected, actual, rules ?? new PictureRules());
}
