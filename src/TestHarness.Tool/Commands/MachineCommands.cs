using System.CommandLine;
using System.CommandLine.Completions;
using System.Text.Json;
using TestHarness.Hosts;
using TestHarness.Text;
using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Commands;

/// <summary>The life of named machines.</summary>
internal static class MachineCommands
{
    private static readonly Option<bool> Json = new("--json") { Description = "As JSON, for programs." };

    public static IEnumerable<Command> All() =>
        [
            new UpCommand(),
            OnMachine("start", "Starts a machine that is there.", (machine, _, token) => StartAloneAsync(machine, token)),
            Stop(),
            OnMachine("restart", "Restarts the guest in an orderly way.", (machine, _, token) => DoAsync(machine, "restart", token)),
            OnMachine("pause", "Makes the guest stand still.", (machine, _, token) => DoAsync(machine, "pause", token)),
            OnMachine("resume", "Lets a paused guest go on.", (machine, _, token) => DoAsync(machine, "resume", token)),
            Delete(),
            List(),
            Status(),
            OnMachine("address", "Tells where the machine's forwarded ports are on this host, one a line.", (machine, _, token) =>
                ShowForwardsAsync(machine, token)
            ),
            AutostartCommand(),
            Serve(),
        ];

    /// <summary>Makes a command that works on one machine that is there.</summary>
    public static Command OnMachine(
        string name,
        string description,
        Func<NamedMachine, ParseResult, CancellationToken, Task<int>> action,
        params Symbol[] symbols
    )
    {
        var machine = new Argument<string>("name") { Description = "The machine." };
        machine.CompletionSources.Add(_ => Names());
        var command = new Command(name, description);
        command.Arguments.Add(machine);
        foreach (Symbol symbol in symbols)
        {
            if (symbol is Argument argument)
                command.Arguments.Add(argument);
            else
                command.Options.Add((Option)symbol);
        }

        command.SetAction((result, token) => action(NamedMachine.Existing(result.GetValue(machine)!), result, token));
        return command;
    }

    /// <summary>Names the machines, for a shell's completion.</summary>
    public static IEnumerable<CompletionItem> Names(string after = "") =>
        NamedMachine.All().Select(machine => new CompletionItem(machine.Name + after));

    /// <summary>Has one thing done that has no result.</summary>
    public static async Task<int> DoAsync(NamedMachine machine, string verb, CancellationToken cancellationToken)
    {
        await HostClient.CallAsync(machine, new HostRequest(verb), cancellationToken);
        return 0;
    }

    /// <summary>Starts a machine that the caller has taken.</summary>
    public static async Task<int> StartAsync(NamedMachine machine, CancellationToken cancellationToken)
    {
        HostAnswer? running = await HostClient.TryAskAsync(machine, new HostRequest("status"), cancellationToken);
        if (running is not null && running.State != "starting")
            throw new ToolException(
                ExitCode.AlreadyRunning,
                $"Machine '{machine.Name}' is running already.\nTry: testvm shell {machine.Name}, or testvm stop {machine.Name}"
            );
        if (running is null && machine.RestingState() == "crashed")
            await Console.Error.WriteLineAsync(
                $"It did not end in an orderly way the last time; its disks are as they were then (see {machine.LogFile})."
            );
        // One whose start was asked for by a command that has gone is waited for.
        HostAnswer answer = running is null
            ? await HostLauncher.StartAsync(machine, cancellationToken)
            : await HostClient.CallAsync(machine, new HostRequest("follow"), cancellationToken);
        foreach (MachineForward forward in answer.Forwards)
            await Console.Error.WriteLineAsync($"127.0.0.1:{forward.Host} leads to the guest's port {forward.Guest}");
        await Console.Error.WriteLineAsync($"Machine '{machine.Name}' is running. Try: testvm shell {machine.Name}");
        return 0;
    }

    /// <summary>Starts a machine as <see cref="StartAsync"/> does; a new one that has no disks then is none.</summary>
    public static async Task<int> StartNewAsync(NamedMachine machine, bool isNew, CancellationToken cancellationToken)
    {
        try
        {
            return await StartAsync(machine, cancellationToken);
        }
        catch when (isNew && !Directory.Exists(machine.Disks))
        {
            machine.Remove();
            throw;
        }
    }

    private static async Task<int> StartAloneAsync(NamedMachine machine, CancellationToken cancellationToken)
    {
        using FileLock taken = machine.TakeForCommand();
        return await StartAsync(machine, cancellationToken);
    }

    private static async Task<int> ShowForwardsAsync(NamedMachine machine, CancellationToken cancellationToken)
    {
        HostAnswer answer = await HostClient.CallAsync(machine, new HostRequest("status"), cancellationToken);
        foreach (MachineForward forward in answer.Forwards)
            await Console.Out.WriteLineAsync($"127.0.0.1:{forward.Host} {forward.Guest}/{forward.Protocol.ToString().ToLowerInvariant()}");
        return 0;
    }

    private static Command Stop()
    {
        var force = new Option<bool>("--force") { Description = "At once, as a power cut would." };
        return OnMachine(
            "stop",
            "Shuts a machine down in an orderly way.",
            async (machine, result, token) =>
            {
                using FileLock taken = machine.TakeForCommand();
                HostAnswer answer = await HostClient.CallAsync(machine, new HostRequest("stop") { Force = result.GetValue(force) }, token);
                await Console.Error.WriteLineAsync($"Machine '{machine.Name}': {answer.Text}.");
                // Its process is gone a moment later, and with it what would be in the way of the next start.
                using FileLock ended = await FileLock.TakeAsync(machine.HostLock, onWait: null, token);
                return 0;
            },
            force
        );
    }

    private static Command Delete()
    {
        var force = new Option<bool>("--force") { Description = "Also where it is running." };
        return OnMachine(
            "delete",
            "Deletes a machine with its disks.",
            async (machine, result, token) =>
            {
                using FileLock taken = machine.TakeForCommand();
                // One whose file is not ours is no machine of ours.
                machine.ReadSettings();
                if (await HostClient.TryAskAsync(machine, new HostRequest("status"), token) is { } running)
                {
                    if (!result.GetValue(force))
                        throw new ToolException(
                            ExitCode.AlreadyRunning,
                            $"Machine '{machine.Name}' is {running.State}, and its disks would go.\nTry: testvm stop "
                                + $"{machine.Name} first, or --force"
                        );
                    await HostClient.CallAsync(machine, new HostRequest("stop") { Force = true }, token);
                }

                using (await FileLock.TakeAsync(machine.HostLock, onWait: null, token))
                {
                    await new Autostart(machine).TurnOffAsync(token);
                    if (machine.Remove() is { } other)
                        await Console.Error.WriteLineAsync(
                            $"Machine '{machine.Name}' is gone; '{PrintableText.Of(other)}' is not testvm's, and stays."
                        );
                }

                return 0;
            },
            force
        );
    }

    private static Command List()
    {
        var command = new Command(
            "list",
            "Lists the machines: created, starting, running, paused, stopped, crashed; hangs (its process does not answer), "
                + "damaged (its machine.json)."
        )
        {
            Json,
        };
        command.SetAction(
            async (result, token) =>
            {
                MachineStatus[] all = await Task.WhenAll(NamedMachine.All().Select(machine => MachineStatus.OfAsync(machine, token)));
                if (result.GetValue(Json))
                    await WriteJsonAsync(all);
                else
                    Write(all);
                return 0;
            }
        );
        return command;
    }

    private static Command Status() =>
        OnMachine(
            "status",
            "Tells what a machine is and what state it is in.",
            async (machine, result, token) =>
            {
                // What is wrong with a damaged one is told here; the list has only a word for it.
                machine.ReadSettings();
                MachineStatus[] one = [await MachineStatus.OfAsync(machine, token)];
                if (result.GetValue(Json))
                    await WriteJsonAsync(one);
                else
                    Write(one, "AUTOSTART", machine => machine.Autostart ? "on" : "off");
                return 0;
            },
            Json
        );

    private static Command AutostartCommand()
    {
        var state = new Argument<string>("state") { Description = "on or off." };
        state.AcceptOnlyFromAmong("on", "off");
        return OnMachine(
            "autostart",
            "Starts a machine when you log in, by a unit of your systemd.",
            async (machine, result, token) =>
            {
                using FileLock taken = machine.TakeForCommand();
                var autostart = new Autostart(machine);
                if (result.GetValue(state) == "on")
                {
                    await autostart.TurnOnAsync(token);
                    await Console.Error.WriteLineAsync(
                        $"Machine '{machine.Name}' starts when you log in ({autostart.UnitFile}). At the host's start, too: "
                            + "loginctl enable-linger"
                    );
                }
                else
                {
                    await Console.Error.WriteLineAsync(
                        await autostart.TurnOffAsync(token)
                            ? $"Machine '{machine.Name}' does not start by itself any more."
                            : $"Machine '{machine.Name}' does not start by itself."
                    );
                }

                return 0;
            },
            state
        );
    }

    private static Command Serve()
    {
        Command command = OnMachine("serve", "Keeps a machine running; what up and start start.", (machine, _, _) =>
            MachineHost.RunAsync(machine)
        );
        command.Hidden = true;
        return command;
    }

    private static Task WriteJsonAsync(IReadOnlyList<MachineStatus> machines) =>
        Console.Out.WriteLineAsync(JsonSerializer.Serialize(machines, ToolJson.Default.IReadOnlyListMachineStatus));

    private static void Write(IEnumerable<MachineStatus> machines) => Write(machines, "", _ => "");

    private static void Write(IEnumerable<MachineStatus> machines, string title, Func<MachineStatus, string> last) =>
        Table.Write(
            ["NAME", "STATE", "IMAGE", "MEMORY", "CPUS", "PORTS", "AGE", title],
            machines.Select(machine =>
                (IReadOnlyList<string>)
                    [
                        machine.Name,
                        machine.State,
                        machine.Image,
                        Sizes.Text(machine.MemoryMiB),
                        $"{machine.Cpus}",
                        machine.Ports.Count == 0 ? "-" : string.Join(' ', machine.Ports),
                        Table.Age(Clock.System.GetUtcNow() - machine.Created),
                        last(machine),
                    ]
            )
        );
}
