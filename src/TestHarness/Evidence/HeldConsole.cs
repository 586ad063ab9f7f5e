using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace TestHarness.Evidence;

/// <summary>Joins a connection to the serial console: the end of the log first, then what comes, and what is sent is typed.</summary>
internal sealed class HeldConsole(SerialConsole console)
{
    // A person who does not read must not fill the memory; the log has everything.
    private const int MaxWaiting = 1_000;

    public async Task ServeAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        Channel<byte[]> waiting = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropOldest });
        void Receive(ReadOnlyMemory<byte> bytes) => waiting.Writer.TryWrite(bytes.ToArray());
        waiting.Writer.TryWrite(Encoding.UTF8.GetBytes(console.Tail.Replace("\n", "\r\n", StringComparison.Ordinal)));
        console.Received += Receive;
        try
        {
            using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task shown = ShowAsync(waiting.Reader, stream, left.Token);
            Task typed = TypeAsync(stream, left.Token);
            await Task.WhenAny(shown, typed).ConfigureAwait(false);
            await left.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(shown, typed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            console.Received -= Receive;
        }
    }

    private static async Task ShowAsync(ChannelReader<byte[]> from, NetworkStream to, CancellationToken cancellationToken)
    {
        await foreach (byte[] bytes in from.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            await to.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
    }

    private async Task TypeAsync(NetworkStream from, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        int count;
        while ((count = await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            await console.TypeAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
    }
}
