using System.Diagnostics;
using System.Globalization;
using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>
/// A program that we start, with all that it starts in turn, to be ended as a whole. They are told by a variable in their environment that
/// no other process has (proc_pid_environ(5)), whatever their parents, groups and sessions have become. Not by a group or session of their
/// own: making one takes another program (setsid(1)), and time.
/// </summary>
internal sealed class ProgramFamily
{
    /// <summary>The variable. Its value begins with the process's run folder, by which the reaper finds the processes.</summary>
    public const string Variable = "TESTHARNESS_PROGRAM";

    private static readonly TimeSpan AllGone = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(5);

    // The pipes of a program that has left nothing are at their end at once.
    private static readonly TimeSpan PipesEnd = TimeSpan.FromMilliseconds(50);

    // PF_KTHREAD and PF_EXITING of the kernel's linux/sched.h.
    private const uint KernelThread = 0x0020_0000;
    private const uint Exiting = 4;

    // A longer name the kernel cuts (TASK_COMM_LEN).
    private const int CutName = 15;

    private static int _count;

    private readonly string _mark = string.Create(
        CultureInfo.InvariantCulture,
        $"{RunFolder.OfProcess ?? $"{Guid.NewGuid():N}"}/{Interlocked.Increment(ref _count)}"
    );

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _killed;
    private bool _mayHaveLeft;

    /// <summary>
    /// Gets a task that ends once all of them have: from then on only a process that escaped can hold the program's pipes.
    /// </summary>
    public Task Ended => _ended.Task;

    /// <summary>Marks the program that is about to be started. Call it when its environment is otherwise complete.</summary>
    public void Mark(ProcessStartInfo start) => start.Environment[Variable] = _mark;

    /// <summary>
    /// Kills the program, and what it has started. Call it only while the program runs: later its number may be another one's.
    /// </summary>
    public void Kill(int program)
    {
        List<int> below = [];
        _mayHaveLeft |= IsScript(program) || !TryAddDescendants(program, below) || below.Count > 0;
        _killed = true;
        // It first: it would start others.
        _ = Native.Kill(program, SignalNumber.Kill);
        foreach (int process in below)
            _ = Native.Kill(process, SignalNumber.Kill);
    }

    /// <summary>Ends what the program has left. Call it as soon as the program has ended.</summary>
    /// <param name="exitCode">How it ended.</param>
    /// <param name="pipes">Ends when nobody has its pipes open any more.</param>
    /// <param name="thoroughly">Looks for what it has left also where it has ended by itself and left its pipes to nobody, which costs some
    /// milliseconds.</param>
    public async Task EndAsync(int exitCode, Task pipes, bool thoroughly)
    {
        // A program that was killed while it had no children has left nothing. A script may have left what it had started before.
        bool mayHaveLeft = _killed ? _mayHaveLeft || exitCode != 128 + SignalNumber.Kill : thoroughly;
        if (!mayHaveLeft)
            await Task.WhenAny(pipes, Clock.System.Delay(PipesEnd)).ConfigureAwait(false);
        if (mayHaveLeft || !pipes.IsCompleted)
            await EndAllAsync().ConfigureAwait(false);
        _ended.TrySetResult();
    }

    private async Task EndAllAsync()
    {
        string variable = $"{Variable}={_mark}";
        int quiet = 0;
        for (long began = Clock.System.GetTimestamp(); Clock.System.GetElapsedTime(began) < AllGone; )
        {
            bool found = false;
            foreach (int process in Processes())
            {
                string environment = ReadOrNull($"/proc/{process}/environ") ?? "";
                bool ours = environment.Split('\0').Contains(variable, StringComparer.Ordinal);
                if (ours)
                    _ = Native.Kill(process, SignalNumber.Kill);
                found |= ours || (environment.Length == 0 && IsBecomingAnother(process));
            }

            // Twice: one may have become another between the two files that are read of it.
            quiet = found ? 0 : quiet + 1;
            if (quiet == 2)
                return;
            await Clock.System.Delay(BetweenLooks).ConfigureAwait(false);
        }
    }

    private static IEnumerable<int> Processes() =>
        from folder in Directory.EnumerateDirectories("/proc")
        let process = int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0
        where process > 0
        select process;

    // The kernel names a process after the file that was executed, which for a script is not its interpreter's (proc_pid_comm(5)). True
    // also where it can't be told.
    private static bool IsScript(int process) =>
        ReadOrNull($"/proc/{process}/comm")?.TrimEnd('\n') is not { Length: > 0 } name
        || ReadLinkOrNull($"/proc/{process}/exe") is not { } file
        || Path.GetFileName(file) is var program
            && (name.Length < CutName ? program != name : !program.StartsWith(name, StringComparison.Ordinal));

    // In the middle of execve(2), when a process has neither arguments nor an environment to read. A thread of the kernel and one that has
    // ended never have any (proc_pid_stat(5)).
    private static bool IsBecomingAnother(int process)
    {
        if (ReadOrNull($"/proc/{process}/cmdline") is not "" || ReadOrNull($"/proc/{process}/stat") is not { } status)
            return false;
        string[] fields = status[(status.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0] is not ("Z" or "X") && (uint.Parse(fields[6], CultureInfo.InvariantCulture) & (KernelThread | Exiting)) == 0;
    }

    // False where it can't be told: the kernel has no such file (CONFIG_PROC_CHILDREN), or a thread has just ended.
    private static bool TryAddDescendants(int process, List<int> found)
    {
        bool known = true;
        try
        {
            foreach (string task in Directory.EnumerateDirectories($"/proc/{process}/task"))
            {
                string? children = ReadOrNull($"{task}/children");
                known &= children is not null;
                foreach (string child in (children ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                {
                    int number = int.Parse(child, CultureInfo.InvariantCulture);
                    found.Add(number);
                    known &= TryAddDescendants(number, found);
                }
            }

            return known;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string? ReadOrNull(string file) => OrNull(() => File.ReadAllText(file));

    private static string? ReadLinkOrNull(string link) => OrNull(() => new FileInfo(link).LinkTarget);

    private static string? OrNull(Func<string?> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended, or is somebody else's.
            return null;
        }
    }
}
