using System.Text;
using Xunit;

namespace TestHarness.MachineTests.Xunit;

/// <summary>A test run of its own that holds a machine, or is about to.</summary>
internal static class HeldRun
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Reads what the run says where it holds a machine.</summary>
    public static async Task<string> ReadInstructionsAsync(StreamReader terminal)
    {
        var text = new StringBuilder();
        while (await terminal.ReadLineAsync(Token) is { } line)
        {
            text.Append(line).Append('\n');
            if (line.Contains("release:", StringComparison.Ordinal))
                return text.ToString();
        }

        throw new InvalidOperationException($"The run ended and held nothing:\n{text}");
    }

    public static async Task WaitForAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(50, Token);
    }
}
