using System.Net;
using System.Net.Sockets;

namespace TestHarness.Networks;

/// <summary>Asks a forwarded UDP port until a datagram comes back: nothing else tells that anybody is there.</summary>
internal sealed class DatagramAnswer(IPEndPoint host, ReadOnlyMemory<byte> question)
{
    // A datagram that comes before the service does is lost, so it is sent again.
    private static readonly TimeSpan AttemptLimit = TimeSpan.FromMilliseconds(250);

    private int _sent;
    private string? _failure;

    public string LastSeen => _failure ?? $"no datagram came back for the {_sent} that were sent to {host}";

    public async Task<IPEndPoint> WaitAsync(CancellationToken cancellationToken)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await client.ConnectAsync(host, cancellationToken).ConfigureAwait(false);
        var answer = new byte[64 * 1024];
        while (true)
        {
            using var attempt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            attempt.CancelAfter(AttemptLimit);
            try
            {
                await client.SendAsync(question, attempt.Token).ConfigureAwait(false);
                _sent++;
                await client.ReceiveAsync(answer, attempt.Token).ConfigureAwait(false);
                return host;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Asked again.
            }
            catch (SocketException e)
            {
                // Nobody has the host's port: QEMU is about to end.
                _failure = e.Message;
                await Task.Delay(AttemptLimit, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
