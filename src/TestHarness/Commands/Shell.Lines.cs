using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace TestHarness;

// Output as it comes.
public sealed partial class Shell
{
    // So many lines may wait for the caller; a command that writes more waits, too.
    private const int WaitingLines = 256;

    // The caller gets every line; for the message of a failure the end is enough.
    private const int KeptBytes = 64 * 1024;

    /// <summary>
    /// Runs a command with <c>/bin/sh -c</c> and hands on its lines while it runs. Leaving the loop early kills everything that it started;
    /// a caller that is slower than the command holds it, as a pipe does. After the last line, anything but exit code 0 is thrown.
    /// </summary>
    /// <param name="command">The command, as a shell takes it.</param>
    /// <param name="options">How it runs; the limit includes the time that the caller takes. Default: as root in root's home, without
    /// input, at most 10 minutes.</param>
    /// <param name="cancellationToken">Kills everything that the command started.</param>
    /// <returns>The lines, in the order in which they came; a line of more than 64 KiB comes in pieces.</returns>
    /// <exception cref="GuestCommandException">The exit code was not 0, or the command could not be started.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out; everything that the command started is killed.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public IAsyncEnumerable<OutputLine> RunLinesAsync(
        string command,
        ShellOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(command);
        options ??= ShellOptions.Default;
        return LinesAsync(command, options with { MaxOutputBytes = Math.Min(options.MaxOutputBytes, KeptBytes) }, cancellationToken);
    }

    private async IAsyncEnumerable<OutputLine> LinesAsync(
        string command,
        ShellOptions options,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        Channel<OutputLine> lines = Channel.CreateBounded<OutputLine>(new BoundedChannelOptions(WaitingLines) { SingleReader = true });
        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<ShellResult> running = RunIntoAsync(command, options, lines.Writer, left.Token);
        try
        {
            await foreach (OutputLine line in lines.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                // What still waits is not handed on where the caller has cancelled, or the limit has run out.
                cancellationToken.ThrowIfCancellationRequested();
                if (running.Exception?.InnerException is WaitTimeoutException)
                    break;
                yield return line;
            }

            ShellResult result = await EndAsync(running, cancellationToken).ConfigureAwait(false);
            if (result.ExitCode != 0)
                throw new GuestCommandException(_machine.Facts(), result);
        }
        finally
        {
            await left.CancelAsync().ConfigureAwait(false);
            await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<ShellResult> RunIntoAsync(
        string command,
        ShellOptions options,
        ChannelWriter<OutputLine> lines,
        CancellationToken cancellationToken
    )
    {
        try
        {
            string[] words = ["/bin/sh", "-c", command, "sh", .. options.Arguments];
            return await TryRunAsync(command, words, options, cancellationToken, lines).ConfigureAwait(false);
        }
        finally
        {
            lines.Complete();
        }
    }

    // What the caller cancels carries the caller's own token.
    private static async Task<ShellResult> EndAsync(Task<ShellResult> running, CancellationToken cancellationToken)
    {
        try
        {
            return await running.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }
}
