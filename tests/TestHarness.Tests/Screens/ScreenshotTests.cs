using FluentAssertions;
using TestHarness.Screens;
using Xunit;

namespace TestHarness.Tests.Screens;

public sealed class ScreenshotTests
{
    private static readonly uint[] Colours = [0xffff0000, 0xff00ff00, 0xff0000ff, 0x80ffffff, 0xff000000, 0x00000000];

    [Fact]
    public void Takes_pictures_from_elsewhere_and_gives_them_back()
    {
        var shot = Screenshot.FromPixels(3, 2, Colours);

        var again = Screenshot.FromPng(shot.Png.Span);

        (again.Width, again.Height).Should().Be((3, 2));
        again.DecodePixels().Should().Equal(Colours);
        again.Crop(new ScreenArea(1, 0, 1, 2)).DecodePixels().Should().Equal(Colours[1], Colours[4]);
    }

    [Fact]
    public void Says_what_is_wrong_with_what_it_is_given()
    {
        Action none = () => Screenshot.FromPng("GIF89a"u8);
        Action few = () => Screenshot.FromPixels(3, 3, Colours);
        Action empty = () => Screenshot.FromPixels(0, 3, []);
        Action huge = () => Screenshot.FromPixels(20_000, 1, new uint[20_000]);

        none.Should().Throw<InvalidDataException>().WithMessage("The picture 'png' can't be read: it is no PNG file*");
        few.Should().Throw<ArgumentException>().WithMessage("There are 6 pixels, and 3x3 are 9.*");
        empty.Should().Throw<ArgumentException>().WithMessage("width*must be greater than or equal to '1'*");
        huge.Should().Throw<ArgumentException>().WithMessage("*pictures of more than 16384 pixels a side*");
    }
}
