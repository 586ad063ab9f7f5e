namespace TestHarness.Images;

/// <summary>
/// Finds where a path of the guest lies in a folder that holds the guest's files, following links the way the guest would: an absolute
/// link starts at the folder, and <c>..</c> does not lead out of it. Without this, a link of a package's could lead to the host's files.
/// </summary>
internal static class TreePath
{
    private const int MaximumLinks = 40;

    /// <summary>Returns the path, relative to <paramref name="tree"/>; a link at its very end is not followed.</summary>
    /// <exception cref="InvalidDataException">Links go round in circles.</exception>
    public static string Resolve(string tree, string guestPath)
    {
        var pending = new Stack<string>(Split(guestPath).Reverse());
        var done = new List<string>();
        int links = 0;
        while (pending.TryPop(out string? part))
        {
            if (part == "..")
            {
                if (done.Count > 0)
                    done.RemoveAt(done.Count - 1);
                continue;
            }

            done.Add(part);
            if (pending.Count == 0 || new FileInfo(Path.Combine(tree, string.Join('/', done))).LinkTarget is not { } target)
                continue;
            if (++links > MaximumLinks)
                throw new InvalidDataException($"'{guestPath}' has too many symbolic links");
            done.RemoveAt(done.Count - 1);
            if (target.StartsWith('/'))
                done.Clear();
            foreach (string next in Split(target).Reverse())
                pending.Push(next);
        }

        return string.Join('/', done);
    }

    private static IEnumerable<string> Split(string path) =>
        path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".");
}
