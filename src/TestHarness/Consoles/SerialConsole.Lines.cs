using System.Globalization;
using System.Runtime.CompilerServices;
using TestHarness.Text;

namespace TestHarness;

// The log as it grows.
public sealed partial class SerialConsole
{
    private static readonly TimeSpan LastWordsFollow = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Hands on the log's lines, those that there are and those that come, over reboots and rollbacks, until the machine has ended. Any
    /// number of loops may read; none holds the guest. For one that is too slow for <see cref="SerialLog"/>, a line <c>[… N bytes dropped
    /// …]</c> stands for what it has missed.
    /// </summary>
    /// <param name="from">Where it begins. Default: at the first byte.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The lines, with the guest's escape sequences and without line ends; one of more than 64 KiB comes in pieces.</returns>
    public IAsyncEnumerable<string> ReadLinesAsync(LogStart from = LogStart.Beginning, CancellationToken cancellationToken = default) =>
        LinesAsync(from == LogStart.Beginning ? 0 : Log.Length, cancellationToken);

    private async IAsyncEnumerable<string> LinesAsync(long position, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var lines = new Queue<string>();
        var splitter = new LineSplitter(lines.Enqueue);
        byte[] buffer = [];
        bool ended = false;
        while (true)
        {
            Task grown = Look().Grown;
            (long begins, int count, _) = Log.Read(position, before: 0, ref buffer);
            if (begins > position)
            {
                splitter.End();
                lines.Enqueue(string.Create(CultureInfo.InvariantCulture, $"[… {begins - position} bytes dropped …]"));
            }

            splitter.Add(buffer.AsSpan(0, count));
            position = begins + count;
            if (ended && count == 0)
                splitter.End();
            while (lines.TryDequeue(out string? line))
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return line;
            }

            if (count > 0)
                continue;
            if (ended)
                yield break;
            ended = await EndsAsync(grown, cancellationToken).ConfigureAwait(false);
        }
    }

    // Waits for more; true where the machine has ended instead.
    private async Task<bool> EndsAsync(Task grown, CancellationToken cancellationToken)
    {
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _machine.Ended);
        await grown.WaitAsync(wait.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        if (grown.IsCompleted)
            return false;
        // What a QEMU that is gone has left in its pipe.
        await _reader.WaitAsync(LastWordsFollow, _machine.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return true;
    }
}
