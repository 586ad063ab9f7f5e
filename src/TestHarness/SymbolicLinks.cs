namespace TestHarness;

/// <summary>What becomes of symbolic links when files are synchronised.</summary>
public enum SymbolicLinks
{
    /// <summary>They are copied as they are, wherever they point.</summary>
    Keep,

    /// <summary>Those that are absolute or lead out of what is copied are left out (rsync's <c>--safe-links</c>).</summary>
    Inside,
}
