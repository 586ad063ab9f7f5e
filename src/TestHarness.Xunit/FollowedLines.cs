using TestHarness.Text;
using Xunit;

namespace TestHarness.Xunit;

/// <summary>
/// Shows what machines write while it comes: in the output of the test that uses the machine, and to the person who runs the tests.
/// </summary>
internal static class FollowedLines
{
    public static void Write(MachineRecord record, string line)
    {
        string text = $"{record.Machine.Name} | {PrintableText.WithoutColours(line)}";
        RunnerTerminal.WriteLine(text);
        try
        {
            record.Context.TestOutputHelper?.WriteLine("{0}", text);
        }
        catch (InvalidOperationException)
        {
            // The test has ended, and a machine of its fixture writes on.
        }
    }
}
