using System.Threading.Channels;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Operations;
using TestHarness.Text;

namespace TestHarness;

/// <summary>Runs commands in the guest. Needs no network: commands go through the agent on a virtio-serial port.</summary>
public sealed partial class Shell
{
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan PingLimit = TimeSpan.FromMinutes(1);

    private readonly MachineOperations _machine;
    private readonly GuestSession _guest;

    internal Shell(MachineOperations machine, GuestSession guest) => (_machine, _guest) = (machine, guest);

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
        return await TryRunAsync(command, ["/bin/sh", "-c", command, "sh", .. options.Arguments], options, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Runs a program without a shell and demands that it succeeds: quicker by a shell's start, and nothing needs quoting.
    /// </summary>
    /// <param name="arguments">The program, looked up on the PATH, and its arguments, passed on literally.</param>
    /// <param name="options">How it runs; its <see cref="ShellOptions.Arguments"/> are added. Default: as root in root's home, without
    /// input, at most 10 minutes.</param>
    /// <param name="cancellationToken">Kills everything that the program started.</param>
    /// <returns>The result.</returns>
    /// <exception cref="GuestCommandException">The exit code was not 0, or the program could not be started.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out; everything that the program started is killed.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task<ShellResult> RunAsync(
        IReadOnlyList<string> arguments,
        ShellOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ShellResult result = await TryRunAsync(arguments, options, cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0 ? result : throw new GuestCommandException(_machine.Facts(), result);
    }

    /// <summary>Runs a program without a shell; any exit code is a result.</summary>
    /// <param name="arguments">The program, looked up on the PATH, and its arguments, passed on literally.</param>
    /// <param name="options">How it runs; its <see cref="ShellOptions.Arguments"/> are added. Default: as root in root's home, without
    /// input, at most 10 minutes.</param>
    /// <param name="cancellationToken">Kills everything that the program started.</param>
    /// <returns>The result.</returns>
    /// <exception cref="GuestCommandException">The program could not be started.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out; everything that the program started is killed.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<ShellResult> TryRunAsync(
        IReadOnlyList<string> arguments,
        ShellOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments.Count == 0 || arguments[0].Length == 0)
            throw new ArgumentException("The first argument is the program; there is none.", nameof(arguments));
        options ??= ShellOptions.Default;
        return TryRunAsync(ShellQuote.Join(arguments), [.. arguments, .. options.Arguments], options, cancellationToken);
    }

    /// <summary>Asks the guest's agent for an answer, without starting anything in the guest.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How long the answer took.</returns>
    /// <exception cref="WaitTimeoutException">No answer came within a minute.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<TimeSpan> PingAsync(CancellationToken cancellationToken = default) =>
        _machine.GuardAsync(
            "an answer of the guest's agent",
            _machine.Scaled(PingLimit),
            async token =>
            {
                AgentConnection agent = await _guest.ReadyAsync(token).ConfigureAwait(false);
                long asked = _machine.Time.GetTimestamp();
                await agent.PingAsync(token).ConfigureAwait(false);
                return _machine.Time.GetElapsedTime(asked);
            },
            cancellationToken
        );

    /// <summary>Runs a command that messages show under another name, and demands that it succeeds.</summary>
    internal async Task<ShellResult> RunDescribedAsync(
        string description,
        IReadOnlyList<string> words,
        ShellOptions options,
        CancellationToken cancellationToken
    )
    {
        ShellResult result = await TryRunAsync(description, words, options, cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0 ? result : throw new GuestCommandException(_machine.Facts(), result);
    }

    // The description is what messages show; the words are what is run.
    private async Task<ShellResult> TryRunAsync(
        string description,
        IReadOnlyList<string> words,
        ShellOptions options,
        CancellationToken cancellationToken,
        ChannelWriter<OutputLine>? lines = null
    )
    {
        description = _machine.WithoutSecrets(description);
        OutputCollector output = _machine.Record.Collect(options.MaxOutputBytes, options.OnOutput, lines);
        try
        {
            ShellResult result = await _machine
                .GuardAsync(
                    $"the command: {description}",
                    options.Timeout ?? _machine.Scaled(DefaultLimit),
                    token => RunCoreAsync(description, words, options, output, token),
                    cancellationToken,
                    lastSeen: () => output.Describe(_machine.Mask)
                )
                .ConfigureAwait(false);
            await _machine.Record.Followers.SettleAsync().ConfigureAwait(false);
            return result;
        }
        catch (AgentException e)
        {
            throw new GuestCommandException(_machine.Facts(), description, e.Message, e);
        }
    }

    private async Task<ShellResult> RunCoreAsync(
        string description,
        IReadOnlyList<string> words,
        ShellOptions options,
        OutputCollector output,
        CancellationToken cancellationToken
    )
    {
        long asked = _machine.Time.GetTimestamp();
        AgentConnection agent = await _guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        AgentProcess process = await agent
            .RunAsync(Describe(words, options) with { TakesInput = options.StandardInput is not null }, cancellationToken)
            .ConfigureAwait(false);
        // Leaving this block while the command runs kills everything that it started.
        await using (process.ConfigureAwait(false))
        {
            Task input = FeedAsync(options.StandardInput, process.StandardInput, cancellationToken);
            Task outputs = output.CollectAsync(process.StandardOutput, process.StandardError, cancellationToken);
            // They end with the command at the latest, or sooner, when a receiver of lines throws.
            await outputs.ConfigureAwait(false);
            AgentExit exit = await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (input.IsFaulted)
                await input.ConfigureAwait(false);
            return ShellResult.Of(description, exit, output, _machine.Time.GetElapsedTime(asked), _machine.Mask);
        }
    }

    private static AgentCommand Describe(IReadOnlyList<string> words, ShellOptions options) =>
        new(words)
        {
            Environment = options.Environment,
            WorkingDirectory = options.WorkingDirectory,
            User = options.User,
        };

    internal static async Task FeedAsync(Stream? from, Stream to, CancellationToken cancellationToken)
    {
        // The caller's stream may block where it should not; what runs beside it goes on.
        if (from is not null)
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
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
