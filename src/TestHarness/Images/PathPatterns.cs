using System.Text.RegularExpressions;

namespace TestHarness.Images;

/// <summary>
/// Patterns of paths in the guest: <c>*</c> stands for anything but a slash, <c>**</c> for anything. A folder that matches brings all below
/// it.
/// </summary>
internal sealed class PathPatterns(IReadOnlyList<string> patterns)
{
    private readonly Regex[] _patterns = [.. patterns.Select(ToRegex)];
    private readonly bool[] _used = new bool[patterns.Count];

    /// <summary>Gets the patterns that have matched nothing so far.</summary>
    public IEnumerable<string> Unused => patterns.Where((_, index) => !_used[index]);

    /// <summary>Returns those of <paramref name="paths"/> (absolute, all of a tree) that neither match nor lead to one that does.</summary>
    public IReadOnlyList<string> FindSuperfluous(IReadOnlyList<string> paths)
    {
        var kept = new HashSet<string>(StringComparer.Ordinal);
        foreach (string path in paths.Where(IsMatch))
        {
            for (string part = path; part.Length > 0 && kept.Add(part); )
                part = part[..part.LastIndexOf('/')];
        }

        return [.. paths.Where(path => !kept.Contains(path))];
    }

    private bool IsMatch(string path)
    {
        bool any = false;
        for (int i = 0; i < _patterns.Length; i++)
        {
            if (_patterns[i].IsMatch(path))
                any = _used[i] = true;
        }

        return any;
    }

    private static Regex ToRegex(string pattern)
    {
        string body = Regex
            .Escape(pattern)
            .Replace(@"\*\*", ".*", StringComparison.Ordinal)
            .Replace(@"\*", "[^/]*", StringComparison.Ordinal);
        return new Regex($@"\A{body}(?:/.*)?\z", RegexOptions.CultureInvariant | RegexOptions.Singleline);
    }
}
