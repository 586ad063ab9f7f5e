namespace TestHarness.SampleProgram;

/// <summary>What this process has on the host.</summary>
internal sealed record Counts(int OpenFiles, int Threads, int Children, int Sockets, int RunFolders, int Shares)
{
    // Of the runtime's own pool, whose size is its own affair.
    private const int ThreadSlack = 6;
    private const int FileSlack = 2;

    public static Counts Take()
    {
        string[] files = [.. OpenFileNames()];
        string root = Environment.GetEnvironmentVariable("TESTHARNESS_RUN")!;
        string[] mine = Directory.GetDirectories(root, $"{Environment.ProcessId}-*");
        return new Counts(
            files.Length,
            Directory.GetDirectories("/proc/self/task").Length,
            Directory.GetDirectories("/proc/self/task").Sum(task => CountWords($"{task}/children")),
            files.Count(file => file.Contains(" socket:", StringComparison.Ordinal)),
            mine.Sum(folder => Directory.GetDirectories(folder).Length),
            Directory.GetFiles(Path.Combine(root, "ledger"), $"*{Environment.ProcessId}-*").Length
        );
    }

    public bool IsWithin(Counts before) =>
        OpenFiles <= before.OpenFiles + FileSlack
        && Threads <= before.Threads + ThreadSlack
        && Children <= before.Children
        && Sockets <= before.Sockets
        && RunFolders == 0
        && Shares == 0;

    /// <summary>The open files, a line for each, without the assemblies that the runtime loads when it first needs them.</summary>
    public static IEnumerable<string> OpenFileNames() =>
        Directory
            .GetFiles("/proc/self/fd")
            .Select(file => $"{Path.GetFileName(file)} {Target(file)}")
            .Where(file => !file.EndsWith(".dll", StringComparison.Ordinal));

    private static int CountWords(string file)
    {
        try
        {
            return File.ReadAllText(file).Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
        }
        catch (IOException)
        {
            // A thread that has ended.
            return 0;
        }
    }

    private static string Target(string link)
    {
        try
        {
            return new FileInfo(link).LinkTarget ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }
}
