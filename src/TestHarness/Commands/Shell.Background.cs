using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness;

// Commands that run while the test does something else.
public sealed partial class Shell
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Starts a command with <c>/bin/sh -c</c> and does not wait for its end. It ends at the latest when the returned handle is disposed.
    /// </summary>
    /// <param name="command">The command, as a shell takes it.</param>
    /// <param name="options">How it runs. Default: as root in root's home, without a limit; its input is
    /// <see cref="GuestProcess.StandardInput"/>.</param>
    /// <param name="cancellationToken">Ends the start; the command itself once started is not affected.</param>
    /// <returns>The command, once it runs; the caller disposes it.</returns>
    /// <exception cref="GuestCommandException">The command could not be started.</exception>
    /// <exception cref="WaitTimeoutException">It did not start within a minute.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<GuestProcess> StartAsync(string command, ShellOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(command);
        options ??= ShellOptions.Default;
        return StartAsync(command, ["/bin/sh", "-c", command, "sh", .. options.Arguments], options, cancellationToken);
    }

    /// <summary>
    /// Starts a program without a shell and does not wait for its end. It ends at the latest when the returned handle is disposed.
    /// </summary>
    /// <param name="arguments">The program, looked up on the PATH, and its arguments, passed on literally.</param>
    /// <param name="options">How it runs; its <see cref="ShellOptions.Arguments"/> are added. Default: as root in root's home, without a
    /// limit.</param>
    /// <param name="cancellationToken">Ends the start; the program itself once started is not affected.</param>
    /// <returns>The program, once it runs; the caller disposes it.</returns>
    /// <exception cref="GuestCommandException">The program could not be started.</exception>
    /// <exception cref="WaitTimeoutException">It did not start within a minute.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<GuestProcess> StartAsync(
        IReadOnlyList<string> arguments,
        ShellOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments.Count == 0 || arguments[0].Length == 0)
            throw new ArgumentException("The first argument is the program; there is none.", nameof(arguments));
        options ??= ShellOptions.Default;
        return StartAsync(ShellQuote.Join(arguments), [.. arguments, .. options.Arguments], options, cancellationToken);
    }

    private async Task<GuestProcess> StartAsync(
        string description,
        IReadOnlyList<string> words,
        ShellOptions options,
        CancellationToken cancellationToken
    )
    {
        description = _machine.WithoutSecrets(description);
        try
        {
            AgentProcess process = await _machine
                .GuardAsync(
                    $"the command to start: {description}",
                    _machine.Scaled(StartLimit),
                    async token =>
                    {
                        AgentConnection agent = await _guest.ReadyAsync(token).ConfigureAwait(false);
                        return await agent.RunAsync(Describe(words, options), token).ConfigureAwait(false);
                    },
                    cancellationToken
                )
                .ConfigureAwait(false);
            return new GuestProcess(_machine, description, process, options);
        }
        catch (AgentException e)
        {
            throw new GuestCommandException(_machine.Facts(), description, e.Message, e);
        }
    }
}
