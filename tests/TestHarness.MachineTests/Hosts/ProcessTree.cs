using System.Diagnostics;
using System.Globalization;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>Looks at processes by /proc (proc(5)).</summary>
internal static class ProcessTree
{
    /// <summary>A process and when it began, so that another one with its number is not taken for it.</summary>
    public sealed record Member(int Id, string Began)
    {
        public bool IsAlive => Fields(Id) is { } fields && fields[0] is not ("Z" or "X") && fields[19] == Began;

        public override string ToString() => $"{Id} {CommandLine(Id)}";
    }

    public static IReadOnlyList<Member> DescendantsOf(int process)
    {
        var found = new List<Member>();
        foreach (int child in ChildrenOf(process))
        {
            if (Fields(child) is { } fields)
                found.Add(new Member(child, fields[19]));
            found.AddRange(DescendantsOf(child));
        }

        return found;
    }

    /// <summary>The thread of this process that a process was forked by, as its id and name.</summary>
    public static (int Id, string Name) ForkerOf(int child)
    {
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            if (Read($"{task}/children").Split(' ').Contains($"{child}"))
                return (int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture), Read($"{task}/comm").Trim());
        }

        throw new InvalidOperationException($"Process {child} is not a child of this one.");
    }

    public static async Task AssertGoneAsync(IReadOnlyList<Member> processes, TimeSpan bound)
    {
        var since = Stopwatch.StartNew();
        while (since.Elapsed < bound && processes.Any(process => process.IsAlive))
            await Task.Delay(20, TestContext.Current.CancellationToken);
        processes
            .Where(process => process.IsAlive)
            .Should()
            .BeEmpty($"every process that it started is gone within {bound.TotalSeconds} s");
    }

    private static int[] ChildrenOf(int process)
    {
        try
        {
            return
            [
                .. Directory
                    .GetDirectories($"/proc/{process}/task")
                    .SelectMany(task => Read($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    .Select(child => int.Parse(child, CultureInfo.InvariantCulture)),
            ];
        }
        catch (IOException)
        {
            // It has ended.
            return [];
        }
    }

    // What follows the name in its brackets: state, parent …; the 20th is the time of its start (proc_pid_stat(5)).
    private static string[]? Fields(int process) =>
        Read($"/proc/{process}/stat") is { Length: > 0 } status ? status[(status.LastIndexOf(')') + 2)..].Split(' ') : null;

    private static string CommandLine(int process) => Read($"/proc/{process}/cmdline").Replace('\0', ' ');

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            return "";
        }
    }
}
