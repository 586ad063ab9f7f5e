namespace TestHarness.Hosts;

/// <summary>The control groups that this process is in, in both versions (cgroups(7)).</summary>
internal static class ControlGroups
{
    /// <summary>
    /// Where a file of the memory controller is, from the text of <c>/proc/self/cgroup</c>: that of the process's group, then those of each
    /// above. The groups of a container may be named as the host sees them; then only the topmost file exists, and it is the container's.
    /// </summary>
    public static IEnumerable<string> MemoryFiles(string controlGroups, string inVersion1, string inVersion2)
    {
        foreach (string line in controlGroups.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // "4:memory:/path" in version 1, "0::/path" in version 2.
            string[] fields = line.Split(':', 3);
            bool isUnified = fields.Length == 3 && fields[1].Length == 0;
            if (fields.Length < 3 || (!isUnified && !fields[1].Split(',').Contains("memory")))
                continue;
            string root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
            string file = isUnified ? inVersion2 : inVersion1;
            for (string group = fields[2].TrimEnd('/'); ; group = group[..group.LastIndexOf('/')])
            {
                yield return $"{root}{group}/{file}";
                if (!group.Contains('/', StringComparison.Ordinal))
                    break;
            }
        }
    }

    /// <summary>Reads those of the files that are there and open to this process.</summary>
    public static IEnumerable<(string File, string Text)> ReadMemoryFiles(string inVersion1, string inVersion2) =>
        from file in MemoryFiles(ReadOrNull("/proc/self/cgroup") ?? "", inVersion1, inVersion2)
        let text = ReadOrNull(file)
        where text is not null
        select (file, text);

    private static string? ReadOrNull(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllText(file) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A group above was removed or is closed to us; the others still count.
            return null;
        }
    }
}
