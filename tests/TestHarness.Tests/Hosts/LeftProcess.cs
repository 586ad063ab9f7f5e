using System.Diagnostics;
using System.Globalization;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Hosts;

/// <summary>A process that a script of a test has left in the background, and tells the number of.</summary>
internal static class LeftProcess
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(2);

    /// <summary>Reads the number from what the script wrote.</summary>
    public static int NumberIn(string words) => int.Parse(words.Split('\n')[0], CultureInfo.InvariantCulture);

    /// <summary>Asserts that it is gone, or is within a moment.</summary>
    public static async Task ShouldBeGoneAsync(int process)
    {
        var since = Stopwatch.StartNew();
        while (since.Elapsed < Bound && IsAlive(process))
            await Task.Delay(10, TestContext.Current.CancellationToken);
        IsAlive(process).Should().BeFalse("it ends with the program that started it");
    }

    // Not one that has ended and that nobody has asked for its exit code (proc_pid_stat(5)).
    public static bool IsAlive(int process)
    {
        try
        {
            string status = File.ReadAllText($"/proc/{process}/stat");
            return status[status.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }
}
