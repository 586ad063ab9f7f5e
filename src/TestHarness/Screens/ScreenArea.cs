using System.Globalization;

namespace TestHarness;

/// <summary>A rectangle of a screen, in pixels from the top left corner.</summary>
/// <param name="X">The left edge.</param>
/// <param name="Y">The top edge.</param>
/// <param name="Width">The width.</param>
/// <param name="Height">The height.</param>
public readonly record struct ScreenArea(int X, int Y, int Width, int Height)
{
    internal int Right => X + Width;

    internal int Bottom => Y + Height;

    internal long Pixels => (long)Width * Height;

    /// <summary>Returns the area in words: <c>120×16 at 40,300</c>.</summary>
    /// <returns>The words.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Width}×{Height} at {X},{Y}");

    /// <summary>The smallest area that has both in it.</summary>
    internal ScreenArea JoinedWith(ScreenArea other)
    {
        int left = Math.Min(X, other.X),
            top = Math.Min(Y, other.Y);
        return new ScreenArea(left, top, Math.Max(Right, other.Right) - left, Math.Max(Bottom, other.Bottom) - top);
    }

    /// <summary>The part of it that is inside a picture of a size.</summary>
    internal ScreenArea ClippedTo(int width, int height)
    {
        int left = Math.Clamp(X, 0, width);
        int top = Math.Clamp(Y, 0, height);
        return new ScreenArea(left, top, Math.Clamp(Right, left, width) - left, Math.Clamp(Bottom, top, height) - top);
    }
}
