namespace TestHarness;

/// <summary>How a screen is compared with its golden.</summary>
public sealed record GoldenOptions
{
    /// <summary>
    /// Gets how different a pixel's colour may look: 0 not at all, 1 is black against white. Default: 0.02, five levels of grey.
    /// </summary>
    public double Tolerance { get; init; } = 0.02;

    /// <summary>Gets what is done with smoothed edges. Default: <see cref="AntiAliasing.Ignore"/>.</summary>
    public AntiAliasing AntiAliasing { get; init; } = AntiAliasing.Ignore;

    /// <summary>Gets how many pixels may differ. Default: 0. The larger of this and <see cref="MaxDifferentRatio"/> counts.</summary>
    public int MaxDifferentPixels { get; init; }

    /// <summary>Gets which part of the compared pixels may differ, 0 to 1. Default: 0.</summary>
    public double MaxDifferentRatio { get; init; }

    /// <summary>Gets the areas that are compared. Default: none, the whole screen is.</summary>
    public IReadOnlyList<ScreenArea> MatchAreas { get; init; } = [];

    /// <summary>
    /// Gets areas that are not compared. Default: none. A pixel of the golden that is erased (alpha 0) is not compared either.
    /// </summary>
    public IReadOnlyList<ScreenArea> IgnoredAreas { get; init; } = [];

    /// <summary>Gets a colour, as <c>#rrggbb</c>; what is painted with it in the golden is not compared. Default: none.</summary>
    public string? IgnoredColour { get; init; }

    /// <summary>Gets how far, in pixels, each of <see cref="MatchAreas"/> may have moved. Default: 0.</summary>
    public int SearchMargin { get; init; }

    /// <summary>
    /// Gets a word for goldens of this platform: <c>name.word.verified.png</c>. Default: <see langword="null"/>; then the machine's image
    /// and accelerator (<c>tcg</c>, <c>kvm</c>) are tried, for which there may be such a file.
    /// </summary>
    public string? Variant { get; init; }

    /// <summary>
    /// Gets a folder of openQA needles, relative to the test's source file. The golden's name is then a tag or a needle's name, and any
    /// needle of it is accepted. Default: none.
    /// </summary>
    public string? NeedleFolder { get; init; }

    /// <summary>
    /// Gets how long to wait for the golden. Default: <see langword="null"/>, 30 seconds, longer on a slow host. Comparing a screenshot
    /// does not wait.
    /// </summary>
    public TimeSpan? Timeout { get; init; }
}
