using System.Diagnostics;

namespace TestHarness.Hosts;

/// <summary>
/// Sees to it that nothing outlives the test run. QEMU itself dies with this process (parent-death signal, see <see cref="SpawnThread"/>); this adds
/// a reaper that ends what programs left and removes the run folder however the process ends, and a watch on the test runner's processes above.
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

    // $1: the process's run folder. A QEMU that is a script dies with this process; what it started does not, and is found by its session, whose leader's number is in the name of a
    // file (ProcessSession). /proc/*/stat has the session as the fourth after the name in its brackets (proc_pid_stat(5)).
    private const string Reap = $$"""
        trap '' INT TERM HUP
        exec >/dev/null 2>&1
        cat
        rounds=0
        for note in "$1"/{{ProcessSession.NotePrefix}}*; do
          [ -e "$note" ] || continue
          found=y
          while [ "$found" ] && [ $((rounds += 1)) -lt 200 ]; do
            found=
            for stat in /proc/[0-9]*/stat; do
              read -r status < "$stat" || continue
              set -- "$1" ${status##*) }
              case $2 in Z | X) continue ;; esac
              [ "$5" = "${note##*-}" ] || continue
              process=${stat%/stat}
              kill -KILL "${process#/proc/}" && found=y
            done
          done
        done
        rm -rf -- "$1"
        """;

    // The reaper's standard input is a pipe from this process. The kernel closes it when the process ends, even by SIGKILL; then 'cat' ends.
    // A session of its own, because a Ctrl-C at the terminal goes to the whole foreground group.
    private static void StartReaper(string folder)
    {
        var start = new ProcessStartInfo(Prerequisites.Find("setsid"))
        {
            ArgumentList =
            {
                "sh", "-c", Reap, "testharness-reaper", folder,
            },
            RedirectStandardInput = true,
            WorkingDirectory = "/",
        };
        HelperEnvironment.Give(start);
        _reaper = Process.Start(start);
    }
}
