using System.Net.Sockets;
using TestHarness.Consoles;

namespace TestHarness.Machines;

/// <summary>Joins a connection to the serial console: the end of the log first, then what comes, and what is sent is typed.</summary>
internal sealed class HeldConsole(SerialConsole console)
{
    public async Task ServeAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        using var view = new ConsoleView(console);
        await Task.WhenAll(view.ShowAsync(stream, cancellationToken), TypeAsync(stream, cancellationToken)).ConfigureAwait(false);
    }

    private async Task TypeAsync(NetworkStream from, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        int count;
        while ((count = await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            await console.TypeAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
    }
}
