using System.Net.Sockets;
using System.Text;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Hosts;

namespace TestHarness.Files;

/// <summary>
/// Runs the host's rsync against one in the guest. rsync's "remote shell" is a script that writes down what it is asked to run and joins
/// rsync to a unix socket of ours; we start just that in the guest and join the two.
/// </summary>
internal sealed class RsyncTunnel(GuestSession guest)
{
    private const string ArgumentsName = "arguments";
    private const string ScriptName = "remote-shell";

    // rsync runs in the folder with these files, so nothing here needs quoting. A large buffer: the default one of 8 KiB costs half the
    // speed. sh reads it: as a program of its own it would not start (execve(2), ETXTBSY) while a process that some other thread is just
    // starting has a copy of the descriptor that it was written through.
    private const string Script = $"""
        printf '%s\0' "$@" > {ArgumentsName} && exec socat -b 131072 - UNIX-CONNECT:{MachineFileNames.RsyncSocket}

        """;

    // errno(3): ENOENT.
    private const int NoSuchFile = 2;

    // rsync(1): error in rsync protocol data stream.
    private const int RemoteFailed = 12;

    private const long MostOutput = 128 * 1024 * 1024;
    private const int KeptOutput = 64 * 1024;

    private int _transfers;

    /// <summary>
    /// Runs rsync with arguments in which <c>guest:</c> stands before paths of the guest; lines of its output are handed on as they come.
    /// </summary>
    /// <exception cref="RsyncMissingException">The guest has none. That is found where it would have been started, and costs nothing where
    /// it is there.</exception>
    public async Task<ShellResult> RunAsync(
        IReadOnlyList<string> arguments,
        string machineFolder,
        Action<string> onLine,
        CancellationToken cancellationToken
    )
    {
        AgentConnection agent = await guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        string folder = Path.Combine(machineFolder, MachineFileNames.Transfer(Interlocked.Increment(ref _transfers)));
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            return await RunInAsync(folder, agent, arguments, onLine, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            FolderRemoval.Remove(folder);
        }
    }

    private static async Task<ShellResult> RunInAsync(
        string folder,
        AgentConnection agent,
        IReadOnlyList<string> arguments,
        Action<string> onLine,
        CancellationToken cancellationToken
    )
    {
        await File.WriteAllTextAsync(Path.Combine(folder, ScriptName), Script, cancellationToken).ConfigureAwait(false);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, MachineFileNames.RsyncSocket)));
        listener.Listen(1);

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<RemoteEnd> remote = ServeAsync(listener, folder, agent, ended.Token);
        HelperResult local;
        try
        {
            // -s: paths travel in the protocol and not on a command line that a shell would read.
            local = await RunLocalAsync(folder, ["-s", "-e", $"sh {ScriptName}", .. arguments], onLine, cancellationToken)
                .ConfigureAwait(false);
            // It knows its "remote shell" only, which ends well however the guest's rsync ends.
            if (local.ExitCode == 0)
                await ((Task)remote.WaitAsync(cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await ((Task)remote).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        RemoteEnd end = await remote.ConfigureAwait(false);
        return new ShellResult
        {
            Command = "rsync",
            ExitCode = local.ExitCode != 0 ? local.ExitCode : end.ExitCode,
            StandardOutputBytes = Encoding.UTF8.GetBytes(local.StandardOutput),
            StandardErrorBytes = Encoding.UTF8.GetBytes($"{end.Error}{local.StandardError}"),
        };
    }

    /// <summary>Runs the host's rsync, away from a person's <c>~/.popt</c>, which may give its options another meaning.</summary>
    public static Task<HelperResult> RunLocalAsync(
        string folder,
        IReadOnlyList<string> arguments,
        Action<string> onLine,
        CancellationToken cancellationToken
    ) =>
        HelperProgram.RunAsync(
            "rsync",
            arguments,
            new HelperOptions
            {
                WorkingDirectory = folder,
                Environment = new Dictionary<string, string> { ["HOME"] = folder },
                OnOutputLine = onLine,
                // A line for each of a million files, and not what a guest that means harm has it print.
                MostOutput = MostOutput,
                KeptOutput = KeptOutput,
            },
            cancellationToken
        );

    private static async Task<RemoteEnd> ServeAsync(
        Socket listener,
        string folder,
        AgentConnection agent,
        CancellationToken cancellationToken
    )
    {
        var words = new GuestWords();
        int exitCode = 0;
        using var transfer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        cancellationToken = transfer.Token;
        try
        {
            using Socket accepted = await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
            var local = new NetworkStream(accepted);
            await using (local.ConfigureAwait(false))
            {
                string asked = await File.ReadAllTextAsync(Path.Combine(folder, ArgumentsName), cancellationToken).ConfigureAwait(false);
                // The first word is the "host"; the rest is the guest's rsync with its arguments.
                AgentProcess process = await agent
                    .RunAsync(new AgentCommand(asked.Split('\0')[1..^1]), cancellationToken)
                    .ConfigureAwait(false);
                await using (process.ConfigureAwait(false))
                {
                    Task errors = words.CollectAsync(process.StandardError, transfer);
                    Task down = CopyDownAsync(local, process.StandardInput, cancellationToken);
                    await CopyUpAsync(process.StandardOutput, accepted, local, cancellationToken).ConfigureAwait(false);
                    await errors.ConfigureAwait(false);
                    await down.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    exitCode = (await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false)).ShellExitCode;
                }
            }
        }
        catch (AgentException e) when (e.ErrorNumber == NoSuchFile)
        {
            throw new RsyncMissingException(e);
        }
        catch (AgentException e)
        {
            return new RemoteEnd(RemoteFailed, $"rsync in the guest: {e.Message}\n");
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or AgentStreamClosedException)
        {
            // One side has ended; rsync's own exit code and words tell what that means.
        }

        return new RemoteEnd(words.IsTooMuch ? RemoteFailed : exitCode, words.Text);
    }

    // The host's rsync may be gone before the guest's has ended, which then is to end as it would have.
    private static async Task CopyUpAsync(Stream from, Socket socket, NetworkStream to, CancellationToken cancellationToken)
    {
        try
        {
            await from.CopyToAsync(to, 128 * 1024, cancellationToken).ConfigureAwait(false);
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or IOException { InnerException: SocketException })
        {
            await from.CopyToAsync(Stream.Null, 128 * 1024, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task CopyDownAsync(NetworkStream from, Stream to, CancellationToken cancellationToken)
    {
        await from.CopyToAsync(to, 128 * 1024, cancellationToken).ConfigureAwait(false);
        await to.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>How the guest's rsync ended, and what it has to say for itself.</summary>
internal sealed record RemoteEnd(int ExitCode, string Error);

/// <summary>The guest has no rsync.</summary>
internal sealed class RsyncMissingException(AgentException inner) : Exception(inner.Message, inner);
