using System.Diagnostics;

namespace TestHarness.Tool.Machines;

/// <summary>Starts the process that keeps a machine, free of this one's terminal and session.</summary>
internal static class HostLauncher
{
    /// <summary>What that process writes to its standard output once it listens, and the only thing it ever does.</summary>
    public const string Listens = "listening";

    private const int LogLines = 20;

    /// <summary>Starts it and waits until the machine is up; the steps are shown on standard error.</summary>
    /// <exception cref="ToolException">The machine did not start.</exception>
    public static async Task<HostAnswer> StartAsync(NamedMachine machine, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("setsid") { RedirectStandardOutput = true };
        // The shell gives it the log for its errors, in place of a terminal that may be closed.
        foreach (
            string argument in (string[])
                [
                    "--fork",
                    "sh",
                    "-c",
                    "log=$1; shift; exec \"$@\" </dev/null 2>>\"$log\"",
                    "sh",
                    machine.LogFile,
                    .. Self(),
                    "serve",
                    machine.Name,
                ]
        )
            start.ArgumentList.Add(argument);
        using Process launcher = Process.Start(start)!;
        if (await launcher.StandardOutput.ReadLineAsync(cancellationToken) != Listens)
            throw new ToolException(
                ExitCode.Failed,
                $"Machine '{machine.Name}' could not be kept running. The end of {machine.LogFile}:\n{Tail(machine.LogFile)}"
            );
        return await HostClient.CallAsync(machine, new HostRequest("follow"), cancellationToken);
    }

    /// <summary>
    /// The command line of this program: as an installed tool it is one of its own, from a build it may be dotnet that runs it.
    /// </summary>
    public static string[] Self() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet"
            ? [Environment.ProcessPath!, typeof(HostLauncher).Assembly.Location]
            : [Environment.ProcessPath!];

    private static string Tail(string file) =>
        File.Exists(file) ? string.Join('\n', File.ReadLines(file).TakeLast(LogLines)) : "(it is empty)";
}
