namespace TestHarness;

/// <summary>How a text is compared with its golden.</summary>
public sealed record GoldenTextOptions
{
    /// <summary>
    /// Gets what replaces the parts that differ from run to run, in this order. Default: <see langword="null"/>, <see cref="Scrubber.All"/>
    /// for a serial log and <see cref="Scrubber.Ansi"/> for other texts.
    /// </summary>
    public IReadOnlyList<Scrubber>? Scrubbers { get; init; }

    /// <summary>Gets the blocks whose lines may come in any order. Default: none.</summary>
    public IReadOnlyList<UnorderedBlock> UnorderedBlocks { get; init; } = [];

    /// <summary>Gets a word for goldens of this platform: <c>name.word.verified.txt</c>. Default: none.</summary>
    public string? Variant { get; init; }
}
