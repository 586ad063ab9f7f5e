using System.Text;
using FluentAssertions;
using TestHarness.Screens;
using Xunit;

namespace TestHarness.Tests.Screens;

public sealed class RawFrameTests
{
    // Fewer pixels than are taken at once, as many, and some more.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 1)]
    [InlineData(2, 3)]
    [InlineData(16, 4)]
    [InlineData(37, 11)]
    public void Has_each_pixel_of_the_file(int width, int height)
    {
        byte[] colours = new byte[3 * width * height];
        new Random(width).NextBytes(colours);

        PixelImage pixels = new RawFrame([.. Encoding.ASCII.GetBytes($"P6\n{width} {height}\n255\n"), .. colours]).ToPixels();

        uint[] expected = [.. colours.Chunk(3).Select(colour => Convert.ToUInt32($"ff{Convert.ToHexString(colour)}", 16))];
        (pixels.Width, pixels.Height).Should().Be((width, height));
        pixels.Pixels.Should().Equal(expected);
    }
}
