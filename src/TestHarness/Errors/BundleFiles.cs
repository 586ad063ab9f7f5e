namespace TestHarness.Errors;

/// <summary>The files of a machine's evidence that a message names.</summary>
internal static class BundleFiles
{
    public const string CommandLine = "command-line.txt";
    public const string ReproScript = "repro.sh";
}
