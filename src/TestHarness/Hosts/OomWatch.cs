using System.Globalization;
using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>
/// Tells a process that the kernel's OOM killer has ended from one that somebody killed: both end by signal 9. Made before the process. The
/// kernel names the process in its log (https://docs.kernel.org/admin-guide/mm/concepts.html#oom-killer); who may not read that has the
/// count of the control group (memory.events in https://docs.kernel.org/admin-guide/cgroup-v2.html, memory.oom_control in version 1).
/// </summary>
internal sealed class OomWatch
{
    private static readonly TimeSpan LogLimit = TimeSpan.FromMilliseconds(300);

    // The kernel stamps its lines by a clock that runs a little apart from the one that this process can read.
    private static readonly TimeSpan Apart = TimeSpan.FromSeconds(10);
    private const double Drift = 0.0001;

    private readonly (string File, long Kills) _before = Count();
    private readonly TimeSpan _began = Clock.System.GetElapsedTime(0);

    /// <summary>
    /// Says that memory ran out when the process ended by signal 9, and how that is known; <see langword="null"/> where nothing tells.
    /// </summary>
    public async Task<string?> DescribeAsync(int processId)
    {
        if (KillLine(await ReadKernelLogAsync().ConfigureAwait(false), processId, _began) is { } line)
            return $"the host's kernel killed QEMU, because memory ran out ({line})";
        // It names nobody: another process of the group may have been the one.
        (string file, long kills) = Count();
        return kills <= _before.Kills
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"QEMU was ended by signal {SignalNumber.Kill}, and the kernel killed for want of memory in its control group "
                    + $"meanwhile ({file}: oom_kill rose from {_before.Kills} to {kills})"
            );
    }

    /// <summary>Finds the line of the kernel's log that names the killed process, without its time.</summary>
    /// <param name="log">The log, with the times since the host's start.</param>
    /// <param name="processId">The process.</param>
    /// <param name="began">When it began, since the host's start: what is older is about another process of that number, and so may be what
    /// has no time.</param>
    internal static string? KillLine(string log, int processId, TimeSpan began) =>
        log.Split('\n')
            .LastOrDefault(line =>
                line.Contains(
                    $"ut of memory: Killed process {processId.ToString(CultureInfo.InvariantCulture)} (",
                    StringComparison.Ordinal
                )
                && TimeOf(line) is { } seconds
                && seconds >= (began.TotalSeconds * (1 - Drift)) - Apart.TotalSeconds
            )
            ?.Split("] ", 2)[^1];

    private static double? TimeOf(string line) =>
        line.StartsWith('[')
        && line.IndexOf(']', StringComparison.Ordinal) is var end and > 0
        && double.TryParse(line.AsSpan(1, end - 1).Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
            ? seconds
            : null;

    /// <summary>Reads the count of kills from the text of either version's file; 0 where a kernel does not count.</summary>
    internal static long Kills(string text) =>
        text.Split('\n')
            .Select(line => line.Split(' ', 2))
            .Where(words => words[0] == "oom_kill")
            .Select(words => long.TryParse(words[^1], NumberStyles.None, CultureInfo.InvariantCulture, out long kills) ? kills : 0)
            .FirstOrDefault();

    // The process's own group is the first.
    private static (string File, long Kills) Count() =>
        ControlGroups.ReadMemoryFiles("memory.oom_control", "memory.events").Select(read => (read.File, Kills(read.Text))).FirstOrDefault();

    private static async Task<string> ReadKernelLogAsync()
    {
        using Deadline limit = Clock.System.Limit(LogLimit);
        try
        {
            return (
                await HelperProgram.RunAsync("dmesg", ["--kernel", "--color=never"], null, limit.Token).ConfigureAwait(false)
            ).StandardOutput;
        }
        catch (Exception e) when (e is OperationCanceledException or HostNotReadyException)
        {
            return "";
        }
    }
}
