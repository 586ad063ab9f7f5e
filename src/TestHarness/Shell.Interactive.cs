using TestHarness.Guest;
using TestHarness.Hosts;

namespace TestHarness;

// A person at a terminal.
public sealed partial class Shell
{
    // Ctrl-], as in the terminals of a held machine.
    private const byte Leave = 0x1d;
    private const string LoginShell = "command -v bash >/dev/null 2>&1 && exec bash -l; exec sh -i";

    private static readonly TimeSpan InputEnds = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Joins the caller's terminal to a new one in the guest, until the command there ends. Every key goes to the guest, Ctrl-C too; Ctrl-] leaves, and kills what runs.
    /// A new size of the caller's terminal is passed on. Where standard input is no terminal, its bytes are typed as they are.
    /// </summary>
    /// <param name="options">What runs and where its keys come from. Default: a login shell of root at this process's terminal.</param>
    /// <param name="cancellationToken">Kills what runs.</param>
    /// <returns>The exit code; 128 + n where signal n ended the command.</returns>
    /// <exception cref="GuestCommandException">The command could not be started.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task<int> InteractiveAsync(InteractiveOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= InteractiveOptions.Default;
        string description = _machine.WithoutSecrets(options.Command ?? "a login shell");
        try
        {
            return await _machine.GuardAsync(
                $"the end of the interactive command: {description}", Timeout.InfiniteTimeSpan, token => InteractAsync(options, token), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (AgentException e)
        {
            throw new GuestCommandException(_machine.Facts(), description, e.Message, e);
        }
    }

    private async Task<int> InteractAsync(InteractiveOptions options, CancellationToken cancellationToken)
    {
        AgentConnection agent = await _guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        (int Columns, int Rows)? own = options.Input is null ? HostTerminal.Size : null;
        var size = new AgentTerminal(options.Columns ?? own?.Columns ?? 80, options.Rows ?? own?.Rows ?? 24);
        var command = new AgentCommand(["/bin/sh", "-c", options.Command ?? LoginShell])
        {
            Environment = options.Environment,
            WorkingDirectory = options.WorkingDirectory,
            User = options.User,
            Terminal = size,
        };
        AgentProcess process = await agent.RunAsync(command, cancellationToken).ConfigureAwait(false);
        await using (process.ConfigureAwait(false))
        {
            void Resize(int columns, int rows) =>
                _ = process.ResizeAsync(new AgentTerminal(options.Columns ?? columns, options.Rows ?? rows));
            using HostTerminal? terminal = options.Input is null ? HostTerminal.TryOpen(Resize) : null;
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task typed = terminal is not null
                ? TypeAsync(terminal, process)
                : FeedAsync(options.Input ?? System.Console.OpenStandardInput(), process.StandardInput, ended.Token);
            Stream screen = options.Output ?? System.Console.OpenStandardOutput();
            await process.StandardOutput.CopyToAsync(screen, cancellationToken).ConfigureAwait(false);
            await screen.FlushAsync(cancellationToken).ConfigureAwait(false);
            AgentExit exit = await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
            await ended.CancelAsync().ConfigureAwait(false);
            terminal?.Dispose();
            // A stream that does not listen to its token is left to its own end.
            await typed.WaitAsync(InputEnds, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return exit.ShellExitCode;
        }
    }

    private static async Task TypeAsync(HostTerminal from, AgentProcess to)
    {
        var keys = new byte[4096];
        try
        {
            int count;
            while ((count = await from.ReadAsync(keys).ConfigureAwait(false)) > 0)
            {
                int leave = Array.IndexOf(keys, Leave, 0, count);
                await to.StandardInput.WriteAsync(keys.AsMemory(0, leave < 0 ? count : leave), CancellationToken.None).ConfigureAwait(false);
                if (leave < 0)
                    continue;
                await to.KillAsync().ConfigureAwait(false);
                return;
            }
        }
        catch (Exception e) when (e is AgentStreamClosedException or AgentLostException or AgentException)
        {
            // It has ended; whoever waits for its end tells how.
        }
    }
}
