namespace TestHarness.Screens;

/// <summary>What a comparison of two pictures found.</summary>
internal sealed record PictureDifference
{
    public bool Matches { get; init; }

    /// <summary>Why the pixels could not be compared, as the end of a sentence, or <see langword="null"/>.</summary>
    public string? OtherReason { get; init; }

    public int Different { get; init; }

    /// <summary>Pixels that differ as anti-aliased edges do, and do not count.</summary>
    public int Excused { get; init; }

    public long Compared { get; init; }

    public int Allowed { get; init; }

    /// <summary>Where each area of the rules was found; without areas the whole picture.</summary>
    public IReadOnlyList<ScreenArea> Found { get; init; } = [];

    /// <summary>Areas with a percentage of their own that they do not reach, in words.</summary>
    public IReadOnlyList<string> FailedAreas { get; init; } = [];

    /// <summary>
    /// A value for each pixel of the expected picture (<see cref="PixelComparison.Different"/>), or <see langword="null"/> where none
    /// differs.
    /// </summary>
    public byte[]? Marks { get; init; }

    public int Width { get; init; }

    /// <summary>The places of different pixels, the one with most of them first.</summary>
    public IReadOnlyList<ScreenArea> Regions() => Marks is null ? [] : DifferenceRegions.Find(Marks, Width);
}
