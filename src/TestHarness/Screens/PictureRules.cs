namespace TestHarness.Screens;

/// <summary>When two pictures are the same.</summary>
internal sealed record PictureRules
{
    /// <summary>The perceptual distance of colours that is no difference; 1 is black against white.</summary>
    public double Tolerance { get; init; } = 0.02;

    public AntiAliasing AntiAliasing { get; init; }

    public int MaxDifferentPixels { get; init; }

    public double MaxDifferentRatio { get; init; }

    /// <summary>What is compared; empty for the whole picture.</summary>
    public IReadOnlyList<MatchArea> Areas { get; init; } = [];

    /// <summary>One value a pixel of the expected picture, other than 0 where it does not count.</summary>
    public byte[]? Ignored { get; init; }

    /// <summary>How many of so many pixels may differ.</summary>
    public int Allowed(long compared) =>
        (int)Math.Max(MaxDifferentPixels, Math.Min(int.MaxValue, Math.Floor(MaxDifferentRatio * compared)));
}

/// <summary>A part of the picture that is compared.</summary>
/// <param name="Area">Where it is in the expected picture.</param>
/// <param name="Match">The similarity that it must have, in percent, or <see langword="null"/> where its different pixels count with all
/// others.</param>
/// <param name="Margin">How far it may have moved.</param>
internal sealed record MatchArea(ScreenArea Area, double? Match = null, int Margin = 0);
