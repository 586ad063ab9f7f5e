using TestHarness.Agents;
using TestHarness.Commands;
using TestHarness.Hosts;

namespace TestHarness;

// A person at a terminal.
public sealed partial class Shell
{
    /// <summary>What a person gets who names no command.</summary>
    internal const string LoginShell = "command -v bash >/dev/null 2>&1 && exec bash -l; exec sh -i";

    // What was left is killed: 128 and SIGKILL.
    private const int Left = 137;

    /// <summary>
    /// Joins the caller's terminal to a new one in the guest until the command there ends. Every key goes to the guest, Ctrl-C too, and so
    /// does each new size of the window. Ctrl-] three times in a row leaves a guest that hangs, and kills what runs. The terminal has its
    /// own mode again when this returns or throws, and when a signal ends or stops the process.
    /// </summary>
    /// <remarks>
    /// Where standard input is no terminal, the guest's command has none either: input, output and error are passed on as they are, the
    /// input's end too, as ssh does. With <see cref="InteractiveOptions.Input"/> it has one, of the size that the options say.
    /// </remarks>
    /// <param name="options">What runs. Default: a login shell of root.</param>
    /// <param name="cancellationToken">Kills what runs.</param>
    /// <returns>The exit code; 128 + n where signal n ended the command, so 137 for one that was left.</returns>
    /// <exception cref="GuestCommandException">The command could not be started.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    /// <exception cref="InvalidOperationException">The terminal is joined to a guest already.</exception>
    public async Task<int> InteractiveAsync(InteractiveOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= InteractiveOptions.Default;
        if (options.Columns is < 1 or > ushort.MaxValue || options.Rows is < 1 or > ushort.MaxValue)
            throw new ArgumentOutOfRangeException(
                nameof(options),
                $"A terminal of {options.Columns} columns and {options.Rows} rows: 1 to {ushort.MaxValue} are possible."
            );
        string description = _machine.WithoutSecrets(options.Command ?? "a login shell");
        try
        {
            return await _machine
                .GuardAsync(
                    $"the end of the interactive command: {description}",
                    Timeout.InfiniteTimeSpan,
                    token => InteractAsync(options, token),
                    cancellationToken
                )
                .ConfigureAwait(false);
        }
        catch (AgentException e)
        {
            throw new GuestCommandException(_machine.Facts(), description, e.Message, e);
        }
    }

    /// <summary>Starts a command whose bytes somebody else passes on, who disposes it.</summary>
    /// <exception cref="AgentException">It could not be started.</exception>
    internal async Task<AgentProcess> OpenAsync(AgentCommand command, CancellationToken cancellationToken) =>
        await (await _guest.ReadyAsync(cancellationToken).ConfigureAwait(false)).RunAsync(command, cancellationToken).ConfigureAwait(false);

    private async Task<int> InteractAsync(InteractiveOptions options, CancellationToken cancellationToken)
    {
        AgentConnection agent = await _guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        AgentProcess process = await agent.RunAsync(Describe(options), cancellationToken).ConfigureAwait(false);
        // Leaving this block while the command runs kills everything that it started.
        await using (process.ConfigureAwait(false))
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            try
            {
                Stream output = options.Output ?? Console.OpenStandardOutput();
                if (options.Input is not { } keys)
                    return await JoinCallerAsync(process, output, over.Token).ConfigureAwait(false);
                _ = TypeAsync(keys, process.StandardInput, over.Token);
                return await ShowAsync(process, output, over.Token).ConfigureAwait(false);
            }
            finally
            {
                await over.CancelAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task<int> JoinCallerAsync(AgentProcess process, Stream output, CancellationToken cancellationToken)
    {
        using CallerTerminal? terminal = CallerTerminal.TryTake(
            (columns, rows) => _ = process.ResizeAsync(new AgentTerminal(columns, rows))
        );
        if (terminal is not null)
            await CallerJoin.TellAsync(_machine.Name).ConfigureAwait(false);
        using var join = new CallerJoin(terminal is not null);
        _ = join.PassOnAsync(process.StandardInput.WriteAsync, process.StandardInput.DisposeAsync, cancellationToken);
        Task<int> shown = ShowAsync(process, output, cancellationToken);
        return await Task.WhenAny(shown, join.Left).ConfigureAwait(false) == shown ? await shown.ConfigureAwait(false) : Left;
    }

    private static AgentCommand Describe(InteractiveOptions options)
    {
        bool ofCaller = options.Input is null && CallerTerminal.Exists;
        (int columns, int rows) = (ofCaller ? CallerTerminal.Size : null) ?? (options.Columns, options.Rows);
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        if (ofCaller && EnvironmentVariables.Term is { } term)
            environment["TERM"] = term;
        foreach ((string name, string value) in options.Environment)
            environment[name] = value;
        return new AgentCommand(["/bin/sh", "-c", options.Command ?? LoginShell])
        {
            Environment = environment,
            WorkingDirectory = options.WorkingDirectory,
            User = options.User,
            Terminal = ofCaller || options.Input is not null ? new AgentTerminal(columns, rows) : null,
        };
    }

    // Not the end of the keys: an end-of-file character that comes while a shell changes the terminal's mode is lost.
    private static async Task TypeAsync(Stream keys, Stream to, CancellationToken cancellationToken)
    {
        try
        {
            await keys.CopyToAsync(to, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or AgentStreamClosedException or AgentLostException)
        {
            // It has ended; whoever waits for its end tells how.
        }
    }

    // A terminal that takes nothing (Ctrl-S, a pipe nobody reads) must not hold this beyond the machine's end.
    private static async Task<int> ShowAsync(AgentProcess process, Stream output, CancellationToken cancellationToken)
    {
        Task errors = process.StandardError.CopyToAsync(Console.OpenStandardError(), cancellationToken);
        await process.StandardOutput.CopyToAsync(output, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);
        await errors.WaitAsync(cancellationToken).ConfigureAwait(false);
        await output.FlushAsync(cancellationToken).ConfigureAwait(false);
        return (await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false)).ShellExitCode;
    }
}
