using System.Buffers;
using System.Text;

namespace TestHarness.Guest;

/// <summary>Collects what a command writes, up to a limit, and hands on whole lines as they come.</summary>
internal sealed class OutputCollector(ShellOptions options)
{
    private const int LastSeenLines = 10;

    private readonly Lock _lines = new();
    private readonly ArrayBufferWriter<byte> _output = new();
    private readonly ArrayBufferWriter<byte> _error = new();

    public bool Truncated { get; private set; }

    public ReadOnlyMemory<byte> StandardOutput => _output.WrittenMemory;

    public ReadOnlyMemory<byte> StandardError => _error.WrittenMemory;

    public Task CollectAsync(Stream output, Stream error, CancellationToken cancellationToken) => Task.WhenAll(
        CollectAsync(output, _output, OutputStream.StandardOutput, cancellationToken),
        CollectAsync(error, _error, OutputStream.StandardError, cancellationToken));

    /// <summary>The last lines so far, for the message of a command that did not end.</summary>
    public string Describe()
    {
        lock (_lines)
            return TextTail.Of(Encoding.UTF8.GetString(StandardOutput.Span) + Encoding.UTF8.GetString(StandardError.Span), LastSeenLines);
    }

    private async Task CollectAsync(Stream from, ArrayBufferWriter<byte> to, OutputStream name, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        LineSplitter? lines = options.OnOutput is { } receiver ? new LineSplitter(line => Receive(receiver, name, line)) : null;
        int count;
        while ((count = await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            lines?.Add(buffer.AsSpan(0, count));
            lock (_lines)
            {
                int kept = Math.Min(count, options.MaxOutputBytes - to.WrittenCount);
                Truncated |= kept < count;
                to.Write(buffer.AsSpan(0, kept));
            }
        }

        lines?.End();
    }

    private void Receive(Action<OutputLine> receiver, OutputStream name, string line)
    {
        lock (_lines)
            receiver(new OutputLine(name, line));
    }
}
