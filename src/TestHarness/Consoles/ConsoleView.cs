using System.Text;
using System.Threading.Channels;

namespace TestHarness.Consoles;

/// <summary>A serial console for one who watches: the end of the log, then the guest's own bytes as they come.</summary>
internal sealed class ConsoleView : IDisposable
{
    // A person who does not read must not fill the memory; the log has everything.
    private const int MaxWaiting = 64;

    private readonly Channel<byte[]> _waiting = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropOldest }
    );
    private readonly SerialConsole _console;

    public ConsoleView(SerialConsole console)
    {
        _console = console;
        _waiting.Writer.TryWrite(Encoding.UTF8.GetBytes(console.Tail.Replace("\n", "\r\n", StringComparison.Ordinal)));
        console.Received += Receive;
    }

    /// <summary>Shows it until the token fires.</summary>
    public async Task ShowAsync(Stream to, CancellationToken cancellationToken)
    {
        await foreach (byte[] bytes in _waiting.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            await to.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
            await to.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _console.Received -= Receive;

    private void Receive(ReadOnlyMemory<byte> bytes) => _waiting.Writer.TryWrite(bytes.ToArray());
}
