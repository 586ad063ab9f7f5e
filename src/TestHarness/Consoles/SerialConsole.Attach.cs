using TestHarness.Commands;
using TestHarness.Consoles;
using TestHarness.Hosts;

namespace TestHarness;

// A person at the console.
public sealed partial class SerialConsole
{
    /// <summary>
    /// Joins the caller's terminal to the console: shows the end of the log and what comes, and types every key, Ctrl-C too, until Ctrl-]
    /// is pressed three times in a row. The log goes on, and others may watch. The terminal has its own mode again when this returns or
    /// throws, and when a signal ends or stops the process. It does not tell its size; <c>stty rows 50 cols 132</c> does.
    /// </summary>
    /// <remarks>Where standard input is no terminal, its bytes are typed as they are, and after its end this shows on.</remarks>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>A task that ends when the person leaves.</returns>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    /// <exception cref="InvalidOperationException">The terminal is joined to a guest already.</exception>
    public Task AttachAsync(CancellationToken cancellationToken = default) =>
        _machine.GuardAsync($"the person at {_title} to leave", Timeout.InfiniteTimeSpan, JoinAsync, cancellationToken);

    private async Task<bool> JoinAsync(CancellationToken cancellationToken)
    {
        using CallerTerminal? terminal = CallerTerminal.TryTake((_, _) => { });
        if (terminal is not null)
            await CallerJoin.TellAsync(_machine.Name).ConfigureAwait(false);
        using var join = new CallerJoin(terminal is not null);
        using var view = new ConsoleView(this);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _ = join.PassOnAsync(TypeWhereRunningAsync, () => ValueTask.CompletedTask, over.Token);
        // A terminal that takes nothing must not hold this beyond the machine's end.
        Task shown = view.ShowAsync(Console.OpenStandardOutput(), over.Token).WaitAsync(over.Token);
        Task first = await Task.WhenAny(shown, join.Left).ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        await first.ConfigureAwait(false);
        return true;
    }

    // Between the two QEMUs of a reboot nobody takes keys.
    private async ValueTask TypeWhereRunningAsync(ReadOnlyMemory<byte> keys, CancellationToken cancellationToken)
    {
        try
        {
            await TypeAsync(keys, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The keys are lost, as at a machine that is switched off.
        }
    }
}
