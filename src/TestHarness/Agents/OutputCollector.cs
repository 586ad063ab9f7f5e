using System.Text;
using System.Threading.Channels;
using TestHarness.Text;

namespace TestHarness.Agents;

/// <summary>Collects what a command writes, of much of it the beginning and the end, and hands on whole lines as they come.</summary>
/// <param name="maxBytes">How many bytes of each stream are kept.</param>
/// <param name="receive">Told each line; a command that is quicker waits for it.</param>
/// <param name="lineReader">Reads lines; a command that is quicker waits for it.</param>
/// <param name="follow">Told each line besides; takes no time.</param>
internal sealed class OutputCollector(
    int maxBytes = OutputCollector.DefaultMaxBytes,
    Action<OutputLine>? receive = null,
    ChannelWriter<OutputLine>? lineReader = null,
    Action<OutputLine>? follow = null
)
{
    public const int DefaultMaxBytes = 64 * 1024 * 1024;

    private const int LastSeenLines = 10;

    private readonly Lock _lines = new();
    private readonly HeadAndTail _output = Keeping(maxBytes);
    private readonly HeadAndTail _error = Keeping(maxBytes);

    private readonly Receiver<OutputLine>? _receiver = receive is null
        ? null
        : new Receiver<OutputLine>(receive, line => line.Text.Length)
        {
            ForMissed = (count, last) => last with { Text = $"[… {count} lines dropped …]" },
        };

    public bool Truncated => _output.Dropped + _error.Dropped > 0;

    public ReadOnlyMemory<byte> StandardOutput => _output.ToMemory();

    public ReadOnlyMemory<byte> StandardError => _error.ToMemory();

    /// <summary>What has come so far, while more comes.</summary>
    public string SoFar(OutputStream stream)
    {
        lock (_lines)
            return Encoding.UTF8.GetString((stream is OutputStream.StandardOutput ? _output : _error).ToMemory().Span);
    }

    /// <summary>
    /// Collects both streams up to their ends, and waits for the receiver of lines. Where that throws, both are given up, since nobody
    /// would read on.
    /// </summary>
    public async Task CollectAsync(Stream output, Stream error, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _receiver?.Failed ?? CancellationToken.None);
        try
        {
            await Task.WhenAll(
                    CollectAsync(output, _output, OutputStream.StandardOutput, either),
                    CollectAsync(error, _error, OutputStream.StandardError, either)
                )
                .ConfigureAwait(false);
            if (_receiver is not null)
                await _receiver.FinishAsync(cancellationToken).ConfigureAwait(false);
        }
        catch when (_receiver?.Failure is not null)
        {
            // That comes out below.
        }
        finally
        {
            _receiver?.Abandon();
        }

        _receiver?.Failure?.Throw();
    }

    /// <summary>From now on nothing waits for the receiver of lines.</summary>
    public void ReleaseReceiver() => _receiver?.Release();

    /// <summary>The last lines so far, for the message of a command that did not end. Secrets are masked before anything is cut.</summary>
    public string Describe(SecretMask? mask = null)
    {
        mask ??= SecretMask.None;
        lock (_lines)
            return TextTail.Of($"{Tail(_output, mask)}{Tail(_error, mask)}", LastSeenLines);
    }

    private static HeadAndTail Keeping(int bytes) => new(bytes / 2, bytes - (bytes / 2));

    private static string Tail(HeadAndTail bytes, SecretMask mask)
    {
        byte[] last = bytes.Last(TextTail.MaxBytes + (4 * mask.Longest));
        return mask.Apply(Encoding.UTF8.GetString(last), beginsCut: last.Length < bytes.Length, endsCut: true);
    }

    private async Task CollectAsync(Stream from, HeadAndTail to, OutputStream name, CancellationTokenSource either)
    {
        var buffer = new byte[64 * 1024];
        var whole = new Queue<OutputLine>();
        LineSplitter? lines =
            _receiver is null && lineReader is null && follow is null
                ? null
                : new LineSplitter(line => Receive(new OutputLine(name, line), whole));
        try
        {
            int count;
            while ((count = await from.ReadAsync(buffer, either.Token).ConfigureAwait(false)) > 0)
            {
                lines?.Add(buffer.AsSpan(0, count));
                lock (_lines)
                    to.Append(buffer.AsSpan(0, count));
                await PassOnAsync(whole, either.Token).ConfigureAwait(false);
            }

            lines?.End();
            await PassOnAsync(whole, either.Token).ConfigureAwait(false);
        }
        catch
        {
            await either.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private void Receive(OutputLine line, Queue<OutputLine> whole)
    {
        follow?.Invoke(line);
        if (_receiver is not null || lineReader is not null)
            whole.Enqueue(line);
    }

    // Who is slower than the command holds the command, as a pipe does.
    private async ValueTask PassOnAsync(Queue<OutputLine> whole, CancellationToken cancellationToken)
    {
        while (whole.TryDequeue(out OutputLine? line))
        {
            if (_receiver is not null)
                await _receiver.WriteAsync(line, cancellationToken).ConfigureAwait(false);
            if (lineReader is not null)
                await lineReader.WriteAsync(line, cancellationToken).ConfigureAwait(false);
        }
    }
}
