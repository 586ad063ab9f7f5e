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

    private static int _count;

    private readonly string _mark = string.Create(
        CultureInfo.InvariantCulture,
        $"{RunFolder.OfProcess ?? $"{Guid.NewGuid():N}"}/{Interlocked.Increment(ref _count)}"
    );

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _killed;
    private bool _hadChildren;

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
        _hadChildren |= !TryAddDescendants(program, below) || below.Count > 0;
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
        // One that was killed while it had no children has left nothing.
        bool mayHaveLeft = _killed ? _hadChildren || exitCode != 128 + SignalNumber.Kill : thoroughly;
        if (!mayHaveLeft)
            await Task.WhenAny(pipes, Clock.System.Delay(PipesEnd)).ConfigureAwait(false);
        if (mayHaveLeft || !pipes.IsCompleted)
            await EndAllAsync().ConfigureAwait(false);
        _ended.TrySetResult();
    }

    private async Task EndAllAsync()
    {
        string variable = $"{Variable}={_mark}";
        for (long began = Clock.System.GetTimestamp(); Clock.System.GetElapsedTime(began) < AllGone; )
        {
            int[] left =
            [
                .. Processes()
                    .Where(process =>
                        ReadOrNull($"/proc/{process}/environ")?.Split('\0').Contains(variable, StringComparer.Ordinal) == true
                    ),
            ];
            if (left.Length == 0)
                return;
            foreach (int process in left)
                _ = Native.Kill(process, SignalNumber.Kill);
            await Clock.System.Delay(BetweenLooks).ConfigureAwait(false);
        }
    }

    private static IEnumerable<int> Processes() =>
        from folder in Directory.EnumerateDirectories("/proc")
        let process = int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0
        where process > 0
        select process;

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

    private static string? ReadOrNull(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended, or is somebody else's.
            return null;
        }
    }
}
