using System.Diagnostics;

namespace TestHarness.Hosts;

/// <summary>
/// Sees to it that nothing outlives the test run. QEMU itself dies with this process (parent-death signal, see <see cref="SpawnThread"/>); this adds
/// a reaper that removes the run folder however the process ends, and a watch on the test runner's processes above.
/// </summary>
internal static class Supervision
{
    private static readonly Lazy<bool> Started = new(Start);

    // Kept for the life of the process: the reaper waits for the end of this pipe, and a Process that nobody holds is collected and closes it.
    private static Process? _reaper;

    /// <summary>Starts supervision, once a process.</summary>
    public static void EnsureStarted() => _ = Started.Value;

    private static bool Start()
    {
        StartReaper(RunFolder.ForProcess());
        AncestorWatch.Start();
        return true;
    }

    // The reaper's standard input is a pipe from this process. The kernel closes it when the process ends, even by SIGKILL; then 'cat' ends.
    // A session of its own, because a Ctrl-C at the terminal goes to the whole foreground group.
    private static void StartReaper(string folder)
    {
        var start = new ProcessStartInfo(Prerequisites.Find("setsid"))
        {
            ArgumentList =
            {
                "sh", "-c", "trap '' INT TERM HUP; exec >/dev/null 2>&1; cat; rm -rf -- \"$1\"", "testharness-reaper", folder,
            },
            RedirectStandardInput = true,
            WorkingDirectory = "/",
        };
        _reaper = Process.Start(start);
    }
}
