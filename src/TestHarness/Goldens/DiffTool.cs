using DiffEngine;

namespace TestHarness.Goldens;

/// <summary>Opens the difference in the developer's own tool. DiffEngine finds it, and does nothing in CI or where <c>DiffEngine_Disabled</c> says so.</summary>
internal static class DiffTool
{
    public static void Open(string received, string verified)
    {
        if (DiffRunner.Disabled || BuildServerDetector.Detected)
            return;
        try
        {
            DiffRunner.Launch(received, verified);
        }
        catch (Exception)
        {
            // Whatever keeps a tool from opening, the test's own failure is what must be told.
        }
    }
}
