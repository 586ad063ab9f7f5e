using System.CommandLine;
using System.Globalization;
using TestHarness.Hosts;
using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Commands;

/// <summary>What is done with a running machine.</summary>
internal static class AccessCommands
{
    // What was left is killed: 128 and SIGKILL, as the library has it.
    private const int Left = 137;

    public static IEnumerable<Command> All() =>
        [
            ShellCommand(),
            ConsoleCommand(),
            SshConfig(),
            Sync("sync", "Makes a folder or file the same on the other side.", SymbolicLinks.Keep),
            Sync("copy", "Copies files and folders as scp -r does: what links lead to, in their place.", SymbolicLinks.Follow),
            OneText("screenshot", "file", "Saves the screen as a PNG.", (machine, text) =>
                new HostRequest("screenshot") { To = Path.GetFullPath(text) }
            ),
            OneText("type", "text", "Types a text at the keyboard.", (_, text) => new HostRequest("type") { Text = text }),
            OneText("press", "keys", "Presses keys together: ctrl-alt-f2.", (_, text) => new HostRequest("press") { Text = text }),
            MachineCommands.OnMachine(
                "view",
                "Opens the screen to a VNC viewer, on a unix socket that only you can reach.",
                async (machine, _, token) =>
                {
                    HostAnswer answer = await HostClient.CallAsync(machine, new HostRequest("view"), token);
                    await Console.Out.WriteLineAsync(answer.Text);
                    await Console.Error.WriteLineAsync($"Try: vncviewer {answer.Text}");
                    return 0;
                }
            ),
        ];

    private static Command ShellCommand()
    {
        var command = new Argument<string[]>("command")
        {
            Description = "After --: a line for the guest's shell in one word, or a program and its arguments. Default: a login shell.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var user = new Option<string?>("--user", "-u") { Description = "The guest's user. Default: root." };
        var tty = new Option<bool>("--tty", "-t") { Description = "Gives the command a terminal." };
        var verbose = new Option<bool>("--verbose") { Description = "Tells on standard error how long the guest took." };
        return MachineCommands.OnMachine(
            "shell",
            "Runs a command in the guest, or a login shell.",
            async (machine, result, token) =>
            {
                string[] words = result.GetValue(command) ?? [];
                bool isTerminal = CallerTerminal.Exists && (words.Length == 0 || result.GetValue(tty));
                (int columns, int rows) =
                    !isTerminal ? (0, 0)
                    : CallerTerminal.Size is { Columns: > 0, Rows: > 0 } size ? size
                    : (80, 24);
                var request = new HostRequest("shell")
                {
                    Command = words,
                    User = result.GetValue(user),
                    Columns = columns,
                    Rows = rows,
                    Term = EnvironmentVariables.Term,
                };
                HostAnswer? answer = await HostClient.JoinAsync(machine, request, isTerminal, token);
                if (result.GetValue(verbose) && answer?.InGuest is { } inGuest)
                    await Console.Error.WriteLineAsync(
                        string.Create(CultureInfo.InvariantCulture, $"the guest took {inGuest.TotalMilliseconds:0.0} ms")
                    );
                return answer?.ExitCode ?? Left;
            },
            command,
            user,
            tty,
            verbose
        );
    }

    private static Command ConsoleCommand()
    {
        var monitor = new Option<bool>("--monitor") { Description = "QEMU's human monitor in its place, a command a line." };
        return MachineCommands.OnMachine(
            "console",
            "Joins this terminal to the serial console. Ctrl-] three times leaves.",
            async (machine, result, token) =>
                result.GetValue(monitor)
                    ? await MonitorCommand.RunAsync(machine, token)
                    : (await HostClient.JoinAsync(machine, new HostRequest("console"), CallerTerminal.Exists, token))?.ExitCode ?? 0,
            monitor
        );
    }

    private static Command SshConfig()
    {
        var user = new Option<string?>("--user", "-u") { Description = "The guest's user. Default: root." };
        return MachineCommands.OnMachine(
            "ssh-config",
            "Lets ssh in and prints what to put into ~/.ssh/config.",
            async (machine, result, token) =>
            {
                HostAnswer answer = await HostClient.CallAsync(
                    machine,
                    new HostRequest("ssh") { User = result.GetValue(user), Text = machine.Name },
                    token
                );
                await Console.Out.WriteLineAsync(answer.Text);
                return 0;
            },
            user
        );
    }

    private static Command OneText(string name, string what, string description, Func<NamedMachine, string, HostRequest> request)
    {
        var text = new Argument<string>(what);
        return MachineCommands.OnMachine(
            name,
            description,
            async (machine, result, token) =>
            {
                HostAnswer answer = await HostClient.CallAsync(machine, request(machine, result.GetValue(text)!), token);
                if (answer.Text.Length > 0)
                    await Console.Out.WriteLineAsync(answer.Text);
                return 0;
            },
            text
        );
    }

    private static Command Sync(string name, string description, SymbolicLinks usualLinks)
    {
        var from = new Argument<string>("from") { Description = "A path, or NAME:PATH in a machine." };
        var to = new Argument<string>("to") { Description = "A path, or NAME:PATH in a machine." };
        foreach (Argument<string> side in (Argument<string>[])[from, to])
            side.CompletionSources.Add(_ => MachineCommands.Names(after: ":"));
        var exclude = new Option<string[]>("--exclude")
        {
            Description = "A pattern of what stays out, as rsync takes it. May be repeated.",
        };
        var owner = new Option<string?>("--chown") { Description = "The owner in the guest: user or user:group." };
        var delete = new Option<bool>("--delete") { Description = "Deletes at the target what the source does not have." };
        var links = new Option<SymbolicLinks>("--links")
        {
            Description =
                "Symbolic links: Keep copies them as they are, Follow copies what they lead to, Inside leaves out those that lead out.",
            DefaultValueFactory = _ => usualLinks,
        };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only tells what would change." };
        var watch = new Option<bool>("--watch") { Description = "Does it again whenever something changes on the host, until Ctrl-C." };
        var command = new Command(name, description) { from, to, exclude, owner, links, dryRun };
        if (name == "sync")
        {
            command.Options.Add(delete);
            command.Options.Add(watch);
        }

        command.SetAction(
            async (result, token) =>
            {
                (NamedMachine machine, HostRequest request) = Direction(result.GetValue(from)!, result.GetValue(to)!);
                request = request with
                {
                    Exclude = result.GetValue(exclude) ?? [],
                    Owner = result.GetValue(owner),
                    Links = result.GetValue(links),
                    Delete = name == "sync" && result.GetValue(delete),
                    DryRun = result.GetValue(dryRun),
                };
                await SyncOnceAsync(machine, request, token);
                if (name == "sync" && result.GetValue(watch))
                    await WatchAsync(machine, request, token);
                return 0;
            }
        );
        return command;
    }

    private static async Task SyncOnceAsync(NamedMachine machine, HostRequest request, CancellationToken cancellationToken)
    {
        HostAnswer answer = await HostClient.CallAsync(machine, request, cancellationToken);
        await Console.Error.WriteLineAsync(answer.Text);
    }

    private static async Task WatchAsync(NamedMachine machine, HostRequest request, CancellationToken cancellationToken)
    {
        if (request.Verb != "push" || !Directory.Exists(request.From))
            throw new ToolException(ExitCode.Usage, "--watch needs a folder of the host to watch.");
        using var changed = new SemaphoreSlim(0);
        using var watcher = new FileSystemWatcher(request.From) { IncludeSubdirectories = true, EnableRaisingEvents = true };
        watcher.Changed += (_, _) => changed.Release();
        watcher.Created += (_, _) => changed.Release();
        watcher.Deleted += (_, _) => changed.Release();
        watcher.Renamed += (_, _) => changed.Release();
        while (true)
        {
            await changed.WaitAsync(cancellationToken);
            // An editor writes, renames and sets times: one change, not three.
            while (await changed.WaitAsync(TimeSpan.FromMilliseconds(50), cancellationToken)) { }

            await SyncOnceAsync(machine, request, cancellationToken);
        }
    }

    // What has a machine's name and a colon is in that machine; a path with a colon is written ./a:b.
    private static (NamedMachine Machine, HostRequest Request) Direction(string from, string to)
    {
        (string? Machine, string Path) source = Split(from),
            target = Split(to);
        return (source.Machine, target.Machine) switch
        {
            (null, { } name) => (NamedMachine.Existing(name), new HostRequest("push") { From = HostPath(from), To = target.Path }),
            ({ } name, null) => (NamedMachine.Existing(name), new HostRequest("pull") { From = source.Path, To = HostPath(to) }),
            _ => throw new ToolException(
                ExitCode.Usage,
                $"One side is in a machine, and only one: \"{from}\" to \"{to}\".\nTry: testvm sync ./app/ NAME:/srv/app/"
            ),
        };

        static (string? Machine, string Path) Split(string text)
        {
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            return colon > 0 && !text.AsSpan(0, colon).ContainsAny('/', '.') ? (text[..colon], text[(colon + 1)..]) : (null, text);
        }

        // A slash at the end says "what is in it", and stays.
        static string HostPath(string path) =>
            Path.GetFullPath(path) + (path.EndsWith('/') && Path.GetFullPath(path) is [.., not '/'] ? "/" : "");
    }
}
