using System.Globalization;
using System.Net;
using TestHarness.Agents;
using TestHarness.Consoles;
using TestHarness.Text;

namespace TestHarness.Tool.Machines;

/// <summary>What a running machine can be asked, by the library's own means.</summary>
internal static class HostVerbs
{
    private static readonly TimeSpan MonitorLimit = TimeSpan.FromMinutes(1);

    public static Func<VirtualMachine, HostCall, CancellationToken, Task<HostAnswer>>? Find(string verb) =>
        verb switch
        {
            "shell" => ShellAsync,
            "console" => ConsoleAsync,
            "push" => (vm, call, token) =>
                SyncAsync(call, options => vm.Files.PushAsync(call.Request.From, call.Request.To, options, token), token),
            "pull" => (vm, call, token) =>
                SyncAsync(call, options => vm.Files.PullAsync(call.Request.From, call.Request.To, options, token), token),
            "screenshot" => ScreenshotAsync,
            "type" => (vm, call, token) => DoneAsync(vm.Screen.TypeAsync(call.Request.Text, cancellationToken: token)),
            "press" => (vm, call, token) => DoneAsync(vm.Screen.PressAsync(call.Request.Text, cancellationToken: token)),
            "pause" => (vm, _, token) => DoneAsync(vm.PauseAsync(token)),
            "resume" => (vm, _, token) => DoneAsync(vm.ResumeAsync(token)),
            "restart" => (vm, _, token) => DoneAsync(vm.RebootAsync(cancellationToken: token)),
            "monitor" => MonitorAsync,
            "ssh" => SshAsync,
            "view" => async (vm, _, token) => new HostAnswer { Text = await vm.Screen.OpenViewerAsync(token) },
            _ => null,
        };

    private static async Task<HostAnswer> DoneAsync(Task task)
    {
        await task;
        return new HostAnswer();
    }

    private static async Task<HostAnswer> ShellAsync(VirtualMachine vm, HostCall call, CancellationToken cancellationToken)
    {
        HostRequest request = call.Request;
        // One word is a line for the guest's shell; several are a program and its arguments, as they are.
        IReadOnlyList<string> arguments = request.Command switch
        {
            [] => ["/bin/sh", "-c", Shell.LoginShell],
            [var line] => ["/bin/sh", "-c", line],
            var words => words,
        };
        var command = new AgentCommand(arguments)
        {
            User = request.User,
            Terminal = request.Columns > 0 ? new AgentTerminal(request.Columns, request.Rows) : null,
            Environment = request.Term is { } term && request.Columns > 0 ? new Dictionary<string, string> { ["TERM"] = term } : [],
        };
        long began = Clock.System.GetTimestamp();
        AgentProcess process = await vm.Shell.OpenAsync(command, cancellationToken);
        await using (process)
        {
            call.OnResized(size => _ = process.ResizeAsync(size));
            _ = TypeAsync(call, process, cancellationToken);
            await Task.WhenAll(
                call.CopyAsync(FrameKind.Output, process.StandardOutput, cancellationToken),
                call.CopyAsync(FrameKind.Error, process.StandardError, cancellationToken)
            );
            AgentExit exit = await process.Exit.WaitAsync(cancellationToken);
            return new HostAnswer { ExitCode = exit.ShellExitCode, InGuest = Clock.System.GetElapsedTime(began) };
        }
    }

    private static async Task TypeAsync(HostCall call, AgentProcess process, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (byte[] bytes in call.ReadInputAsync(cancellationToken))
                await process.StandardInput.WriteAsync(bytes, cancellationToken);
            await process.StandardInput.DisposeAsync();
        }
        catch (Exception e) when (e is OperationCanceledException or AgentStreamClosedException or AgentLostException)
        {
            // It has ended, or takes no more; whoever waits for its end tells how.
        }
    }

    private static async Task<HostAnswer> ConsoleAsync(VirtualMachine vm, HostCall call, CancellationToken cancellationToken)
    {
        using var view = new ConsoleView(vm.Console);
        Task shown = view.ShowAsync(call.Output, cancellationToken);
        Task typed = TypeAtConsoleAsync(vm, call, cancellationToken);
        // The end of the keys ends nothing: it goes on until the machine ends or the person leaves.
        await Task.WhenAll(shown, typed);
        return new HostAnswer();
    }

    private static async Task TypeAtConsoleAsync(VirtualMachine vm, HostCall call, CancellationToken cancellationToken)
    {
        await foreach (byte[] bytes in call.ReadInputAsync(cancellationToken))
            await vm.Console.TypeAsync(bytes.AsMemory(), cancellationToken);
    }

    private static async Task<HostAnswer> SyncAsync(
        HostCall call,
        Func<SyncOptions, Task<SyncResult>> sync,
        CancellationToken cancellationToken
    )
    {
        SyncResult result = await sync(
            new SyncOptions
            {
                Exclude = call.Request.Exclude,
                Delete = call.Request.Delete,
                DryRun = call.Request.DryRun,
                Owner = call.Request.Owner,
                Links = call.Request.Links,
                // A person who waits ends it with Ctrl-C.
                Timeout = Timeout.InfiniteTimeSpan,
            }
        );
        foreach (SyncChange change in result.Changes)
            await call.Output.WriteAsync(
                System.Text.Encoding.UTF8.GetBytes($"{Word(change.Kind), -10} {change.Path}\n"),
                cancellationToken
            );
        return new HostAnswer
        {
            Text = string.Create(
                CultureInfo.InvariantCulture,
                $"{result.Changes.Count} changed, {result.Bytes} bytes{(result.Note is { } note ? $"\n{note}" : "")}"
            ),
        };
    }

    private static string Word(SyncChangeKind kind) =>
        kind == SyncChangeKind.AttributesSet ? "attributes" : kind.ToString().ToLowerInvariant();

    private static async Task<HostAnswer> ScreenshotAsync(VirtualMachine vm, HostCall call, CancellationToken cancellationToken)
    {
        Screenshot shot = await vm.Screen.CaptureAsync(cancellationToken);
        await shot.SaveAsync(call.Request.To, cancellationToken);
        return new HostAnswer { Text = string.Create(CultureInfo.InvariantCulture, $"{call.Request.To} ({shot.Width}x{shot.Height})") };
    }

    // QEMU knows its monitor's commands by their first word and no part of it.
    private static async Task<HostAnswer> MonitorAsync(VirtualMachine vm, HostCall call, CancellationToken cancellationToken)
    {
        string line = call.Request.Text.Trim();
        return line.Split((char[]?)null, 2)[0] switch
        {
            "" => new HostAnswer(),
            "quit" or "q" => new HostAnswer
            {
                ExitCode = ExitCode.Usage,
                Error =
                    $"'{line}' would kill machine '{vm.Spec.Hostname}', and the guest would lose what it has not written.\nTry: "
                    + $"quit-monitor or Ctrl-D leaves; testvm stop {vm.Spec.Hostname} shuts it down",
            },
            _ => new HostAnswer
            {
                Text = (
                    await vm.Operations.GuardAsync(
                        $"QEMU's monitor: {line}",
                        MonitorLimit,
                        token => vm.Monitor.ExecuteHumanAsync(line, token),
                        cancellationToken
                    )
                ).Replace("\r\n", "\n", StringComparison.Ordinal),
            },
        };
    }

    private static async Task<HostAnswer> SshAsync(VirtualMachine vm, HostCall call, CancellationToken cancellationToken)
    {
        SshDetails ssh = await vm.OpenSshAsync(call.Request.User, cancellationToken: cancellationToken);
        IPEndPoint host = ssh.Host;
        return new HostAnswer
        {
            Text = string.Create(
                CultureInfo.InvariantCulture,
                $"""
                Host {call.Request.Text}
                  HostName {host.Address}
                  Port {host.Port}
                  User {ssh.User}
                  IdentityFile {ssh.IdentityFile}
                  IdentitiesOnly yes
                  HostKeyAlias {ssh.HostKeyAlias}
                  UserKnownHostsFile {ssh.KnownHostsFile}
                """
            ),
        };
    }
}
