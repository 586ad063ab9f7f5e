namespace TestHarness.Goldens;

/// <summary>What was received in place of goldens, on disk.</summary>
internal static class ReceivedFiles
{
    private const string Received = ".received.";

    public static IReadOnlyList<string> Accept(string folder)
    {
        List<string> accepted = [];
        foreach (string file in Directory.EnumerateFiles(folder, $"*{Received}*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray())
        {
            string name = Path.GetFileName(file);
            int at = name.LastIndexOf(Received, StringComparison.Ordinal);
            string ending = name[(at + Received.Length)..];
            if (ending == "difference.png")
            {
                File.Delete(file);
                continue;
            }

            string golden = Path.Combine(Path.GetDirectoryName(file)!, $"{name[..at]}.verified.{ending}");
            File.Move(file, golden, overwrite: true);
            accepted.Add(golden);
        }

        return accepted;
    }
}
