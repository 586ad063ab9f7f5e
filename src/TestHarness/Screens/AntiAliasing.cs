namespace TestHarness;

/// <summary>What the comparison of pictures does with the smoothed edges of letters and shapes.</summary>
public enum AntiAliasing
{
    /// <summary>Differences that come of an edge drawn a fraction of a pixel elsewhere do not count.</summary>
    Ignore,

    /// <summary>They count like any other.</summary>
    Compare,
}
