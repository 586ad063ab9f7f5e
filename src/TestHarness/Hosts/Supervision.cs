using System.Diagnostics;

namespace TestHarness.Hosts;

/// <summary>
/// Sees to it that nothing outlives the test run. QEMU itself dies with this process (parent-death signal, see <see cref="SpawnThread"/>);
/// this adds a reaper that ends what programs left and removes the run folder however the process ends, and a watch on the test runner's
/// processes above.
/// </summary>
internal static class Supervision
{
    private static readonly Lazy<bool> Started = new(Start);

    // Kept for the life of the process: the reaper waits for the end of this pipe, and a Process that nobody holds is collected and closes
    // it.
    private static Process? _reaper;

    /// <summary>Starts supervision, once a process.</summary>
    public static void EnsureStarted() => _ = Started.Value;

    private static bool Start()
    {
        StartReaper(RunFolder.ForProcess());
        AncestorWatch.Start();
        return true;
    }

    // $1: the process's run folder; $2: the user that QEMU runs as, where it is another one. A QEMU that is a script dies with this
    // process. What it started does not, and is found by its environment (ProgramFamily). In a container root may be kept from reading that
    // of another user's processes, who can.
    private const string Reap = $$"""
        trap '' INT TERM HUP
        exec >/dev/null 2>&1
        cat
        marked() { "$@" grep -lzsF -e "{{ProgramFamily.Variable}}=$folder/" /proc/[0-9]*/environ; }
        folder=$1 user=$2 rounds=0 again=
        while [ $((rounds += 1)) -le 50 ]; do
          left=$(marked env; [ -z "$user" ] || marked setpriv --reuid="$user" --regid="$user" --clear-groups --)
          if [ -z "$left" ]; then
            # One in the middle of execve(2) has no environment to read.
            [ -z "$again" ] || break
            again=yes
            sleep 0.1
            continue
          fi
          again=
          for file in $left; do
            process=${file%/environ}
            kill -KILL "${process#/proc/}"
          done
        done
        rm -rf -- "$folder"
        """;

    // The reaper's standard input is a pipe from this process. The kernel closes it when the process ends, even by SIGKILL; then 'cat'
    // ends. A session of its own, because a Ctrl-C at the terminal goes to the whole foreground group.
    private static void StartReaper(string folder)
    {
        var start = new ProcessStartInfo(Prerequisites.Find("setsid"))
        {
            ArgumentList = { "sh", "-c", Reap, "testharness-reaper", folder, QemuUser.IsOther ? $"{QemuUser.Id}" : "" },
            RedirectStandardInput = true,
            WorkingDirectory = "/",
        };
        HelperEnvironment.Give(start);
        _reaper = Process.Start(start);
    }
}
