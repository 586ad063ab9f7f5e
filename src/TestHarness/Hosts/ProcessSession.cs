using System.Diagnostics;
using System.Globalization;

namespace TestHarness.Hosts;

/// <summary>
/// The session of a program that was started as its leader (setsid(1)), so that all that it starts is ended with it, also what it leaves behind: a process may get another parent,
/// and a group of its own (timeout(1) makes one), but it stays in the session. Only who makes a session of its own escapes.
/// </summary>
internal sealed class ProcessSession : IDisposable
{
    /// <summary>The beginning of the names of the files in the process's run folder that tell the reaper which sessions to end.</summary>
    public const string NotePrefix = "session-";

    private const int SessionField = 3;

    private static readonly TimeSpan MembersGone = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(5);

    private readonly int _leader;
    private readonly string? _note;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _killed;
    private bool _hadChildren;

    public ProcessSession(int leader)
    {
        _leader = leader;
        _note = RunFolder.OfProcess is { } folder ? Note(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{NotePrefix}{leader}"))) : null;
    }

    /// <summary>Gets a task that ends once the session has: from then on only a process that escaped can hold the program's pipes.</summary>
    public Task Ended => _ended.Task;

    /// <summary>What a program's command line begins with, so that it leads a session and dies with the thread that forked it.</summary>
    public static ProcessStartInfo StartInfo(IEnumerable<string> setPrivArguments) => new(Prerequisites.Find("setsid"), [Prerequisites.Find("setpriv"), .. setPrivArguments]);

    /// <summary>Kills the program, and what it has started. Call it only while the program runs: later its number may be another one's.</summary>
    public void Kill()
    {
        _hadChildren |= HasChildren();
        _killed = true;
        // The program itself, too: it may be so young that it leads no session yet.
        _ = Native.Kill(_leader, Native.SignalKill);
        _ = Native.Kill(-_leader, Native.SignalKill);
    }

    /// <summary>Ends what the program has left. Call it as soon as the program has ended.</summary>
    /// <param name="exitCode">How it ended.</param>
    /// <param name="thoroughly">Looks for processes that have left its group also where it has ended by itself, which costs some milliseconds.</param>
    public async Task EndAsync(int exitCode, bool thoroughly)
    {
        _ = Native.Kill(-_leader, Native.SignalKill);
        // One that was killed while it had no children has left nothing.
        if (_killed ? _hadChildren || exitCode != 128 + Native.SignalKill : thoroughly)
            await EndMembersAsync().ConfigureAwait(false);
        _ended.TrySetResult();
    }

    /// <summary>Takes it off the reaper's list.</summary>
    public void Dispose()
    {
        try
        {
            if (_note is not null)
                File.Delete(_note);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody removed the folder.
        }
    }

    private async Task EndMembersAsync()
    {
        for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < MembersGone;)
        {
            int[] members = [.. Members()];
            foreach (int member in members)
                _ = Native.Kill(member, Native.SignalKill);
            if (members.Length == 0)
                return;
            await Task.Delay(BetweenLooks).ConfigureAwait(false);
        }
    }

    private IEnumerable<int> Members()
    {
        string session = _leader.ToString(CultureInfo.InvariantCulture);
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            // "pid (name) state ppid pgrp session …"; the name may hold anything, so count from its closing bracket (proc_pid_stat(5)).
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                && ReadOrNull($"{folder}/stat") is { } status
                && status[(status.LastIndexOf(')') + 2)..].Split(' ') is var fields
                && fields[SessionField] == session
                && fields[0] is not ("Z" or "X"))
            {
                yield return process;
            }
        }
    }

    // Also where that can't be told: the kernel has no such file (CONFIG_PROC_CHILDREN), or a thread has just ended.
    private bool HasChildren()
    {
        try
        {
            return Directory.EnumerateDirectories($"/proc/{_leader}/task").Any(task => ReadOrNull($"{task}/children") is not { Length: 0 });
        }
        catch (IOException)
        {
            return true;
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
            return null;
        }
    }

    private static string? Note(string path)
    {
        try
        {
            using FileStream file = new(
                path, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A disk without room stops the machine elsewhere. The program still dies with this process; only what it left would not.
            return null;
        }
    }
}
