using System.CommandLine;
using System.Diagnostics;
using TestHarness.Hosts;
using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Commands;

/// <summary>The host that machines run on.</summary>
internal static class HostCommands
{
    public static IEnumerable<Command> All() => [Doctor(), Clean()];

    private static Command Doctor()
    {
        var fix = new Option<bool>("--fix") { Description = "Installs the programs that are missing (Debian, Ubuntu)." };
        var command = new Command("doctor", "Tells what the host has and lacks. Ends with 2 where no machine can run.") { fix };
        command.SetAction(
            async (result, token) =>
            {
                if (result.GetValue(fix) && HostReport.MissingPackages() is { Count: > 0 } packages)
                    await InstallAsync(packages, token);
                IReadOnlyList<HostFinding> findings = await HostReport.MakeAsync(token);
                foreach (HostFinding finding in findings)
                {
                    string sign = finding.Verdict switch
                    {
                        HostVerdict.Good => "ok     ",
                        HostVerdict.Degraded => "lesser ",
                        _ => "MISSING",
                    };
                    await Console.Out.WriteLineAsync($"{sign}  {finding.What}: {finding.Text}");
                    if (finding is { Verdict: not HostVerdict.Good, Remedy: { } remedy })
                        await Console.Out.WriteLineAsync($"         Try: {remedy}");
                }

                return findings.Any(finding => finding.Verdict == HostVerdict.Missing) ? ExitCode.Usage : 0;
            }
        );
        return command;
    }

    private static Command Clean()
    {
        var command = new Command("clean", "Removes what killed test runs and machines left.");
        command.SetAction(
            async (_, token) =>
            {
                // Looking for a folder of its own, the library removes those of processes that are gone.
                string root = Path.GetDirectoryName(RunFolder.ForProcess())!;
                int sockets = 0;
                foreach (NamedMachine machine in NamedMachine.All())
                {
                    using FileLock? free = FileLock.TryTake(machine.HostLock);
                    if (free is null || !File.Exists(machine.Socket))
                        continue;
                    File.Delete(machine.Socket);
                    sockets++;
                }

                await Console.Error.WriteLineAsync($"{root} has only what is in use; {sockets} sockets of killed machines removed.");
                token.ThrowIfCancellationRequested();
                return 0;
            }
        );
        return command;
    }

    private static async Task InstallAsync(IReadOnlyList<string> packages, CancellationToken cancellationToken)
    {
        string[] command = ["apt-get", "install", "-y", "--no-install-recommends", .. packages];
        if (Environment.UserName != "root")
            command = ["sudo", .. command];
        await Console.Error.WriteLineAsync(string.Join(' ', command));
        using Process process = Process.Start(command[0], command[1..]);
        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode != 0)
            throw new ToolException(ExitCode.Usage, $"Not all was installed (exit code {process.ExitCode}).\nTry: sudo apt-get update");
    }
}
