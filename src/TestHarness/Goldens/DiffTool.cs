using DiffEngine;
using TestHarness.Hosts;

namespace TestHarness.Goldens;

/// <summary>
/// Opens the difference in the developer's own tool. DiffEngine finds it. Nothing opens in CI or where <c>DiffEngine_Disabled</c> says so.
/// </summary>
internal static class DiffTool
{
    public static void Open(string received, string verified)
    {
        if (DiffRunner.Disabled || BuildServerDetector.Detected || EnvironmentVariables.IsBuildServer)
            return;
        try
        {
            // For a tool that needs both files DiffEngine writes an empty one, which the next run would take for the golden.
            if (DiffTools.TryFindForInputFilePath(received, out ResolvedTool? tool) && (!tool.RequiresTarget || File.Exists(verified)))
                DiffRunner.Launch(tool, received, verified);
        }
        catch (Exception)
        {
            // Whatever keeps a tool from opening, the test's own failure is what must be told.
        }
    }
}
