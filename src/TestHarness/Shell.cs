using System.Diagnostics;
using TestHarness.Guest;

namespace TestHarness;

/// <summary>Runs commands in the guest. Needs no network: commands go through the agent on a virtio-serial port.</summary>
public sealed class Shell
{
    private readonly VirtualMachine _machine;
    private readonly GuestSession _guest;

    internal Shell(VirtualMachine machine, GuestSession guest) => (_machine, _guest) = (machine, guest);

    /// <summary>Runs a command with <c>/bin/sh -c</c> and demands that it succeeds.</summary>
    /// <param name="command">The command, as a shell takes it.</param>
    /// <param name="options">How it runs. Default: as root in root's home, without input, at most 10 minutes.</param>
    /// <param name="cancellationToken">Kills everything that the command started.</param>
    /// <returns>The result.</returns>
    /// <exception cref="GuestCommandException">The exit code was not 0, or the command could not be started.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out; everything that the command started is killed.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task<ShellResult> RunAsync(string command, ShellOptions? options = null, CancellationToken cancellationToken = default)
    {
        ShellResult result = await TryRunAsync(command, options, cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0 ? result : throw new GuestCommandException(_machine.Facts(), result);
    }

    /// <summary>Runs a command with <c>/bin/sh -c</c>; any exit code is a result.</summary>
    /// <param name="command">The command, as a shell takes it.</param>
    /// <param name="options">How it runs. Default: as root in root's home, without input, at most 10 minutes.</param>
    /// <param name="cancellationToken">Kills everything that the command started.</param>
    /// <returns>The result.</returns>
    /// <exception cref="GuestCommandException">The command could not be started.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out; everything that the command started is killed.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task<ShellResult> TryRunAsync(string command, ShellOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(command);
        options ??= ShellOptions.Default;
        var output = new OutputCollector(options);
        try
        {
            return await _machine.GuardAsync(
                $"the command: {command}",
                options.Timeout,
                token => RunCoreAsync(command, options, output, token),
                cancellationToken,
                lastSeen: output.Describe).ConfigureAwait(false);
        }
        catch (AgentException e)
        {
            throw new GuestCommandException(_machine.Facts(), command, e.Message, e);
        }
    }

    private async Task<ShellResult> RunCoreAsync(string command, ShellOptions options, OutputCollector output, CancellationToken cancellationToken)
    {
        long asked = Stopwatch.GetTimestamp();
        AgentConnection agent = await _guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        AgentProcess process = await agent.RunAsync(
            new AgentCommand(["/bin/sh", "-c", command, "sh", .. options.Arguments])
            {
                Environment = options.Environment,
                WorkingDirectory = options.WorkingDirectory,
                User = options.User,
            },
            cancellationToken).ConfigureAwait(false);
        // Leaving this block while the command runs kills everything that it started.
        await using (process.ConfigureAwait(false))
        {
            Task input = FeedAsync(options.StandardInput, process.StandardInput, cancellationToken);
            Task outputs = output.CollectAsync(process.StandardOutput, process.StandardError, cancellationToken);
            AgentExit exit = await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
            await outputs.ConfigureAwait(false);
            if (input.IsFaulted)
                await input.ConfigureAwait(false);
            return new ShellResult
            {
                Command = command,
                ExitCode = exit.ShellExitCode,
                Signal = exit.Signal,
                StandardOutputBytes = output.StandardOutput,
                StandardErrorBytes = output.StandardError,
                Truncated = output.Truncated,
                Duration = Stopwatch.GetElapsedTime(asked),
            };
        }
    }

    private static async Task FeedAsync(Stream? from, Stream to, CancellationToken cancellationToken)
    {
        try
        {
            if (from is not null)
                await from.CopyToAsync(to, cancellationToken).ConfigureAwait(false);
            await to.DisposeAsync().ConfigureAwait(false);
        }
        catch (AgentStreamClosedException)
        {
            // The command ended, or closed its input, before it had read everything; that is its right.
        }
    }
}
