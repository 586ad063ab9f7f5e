namespace TestHarness.Tool;

/// <summary>A refusal, in words for the person at the terminal.</summary>
internal sealed class ToolException(int exitCode, string message) : Exception(message)
{
    public int ExitCode => exitCode;
}
