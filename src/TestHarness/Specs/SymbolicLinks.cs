namespace TestHarness;

/// <summary>What becomes of symbolic links when files are synchronised.</summary>
public enum SymbolicLinks
{
    /// <summary>They are copied as they are, wherever they point.</summary>
    Keep,

    /// <summary>Those that are absolute or lead out of what is copied are left out (rsync's <c>--safe-links</c>).</summary>
    Inside,

    /// <summary>
    /// What they lead to is copied in their place, as <c>scp</c> does it (rsync's <c>--copy-links</c>); one that leads nowhere fails the
    /// call. The source's side follows them: of a pull the guest, of a push the host.
    /// </summary>
    Follow,
}
