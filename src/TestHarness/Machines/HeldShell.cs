using System.Net.Sockets;
using System.Text;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>Joins a connection to an interactive shell in the guest, which ends with it.</summary>
internal sealed class HeldShell(GuestSession guest)
{
    // The terminal of the person at the other end is not known here; stty tells it another size.
    private static readonly AgentTerminal Size = new(80, 24);

    private static readonly TimeSpan AnswersFor = TimeSpan.FromSeconds(5);

    public async Task ServeAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        try
        {
            AgentConnection agent = await guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
            var command = new AgentCommand(["/bin/sh", "-c", Shell.LoginShell]) { Terminal = Size };
            AgentProcess shell = await agent.RunAsync(command, cancellationToken).ConfigureAwait(false);
            await using (shell.ConfigureAwait(false))
                await JoinAsync(stream, shell, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is AgentException or AgentLostException)
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes($"{e.Message}\r\n"), cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task JoinAsync(NetworkStream stream, AgentProcess shell, CancellationToken cancellationToken)
    {
        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task input = TypeAsync(stream, shell.StandardInput, left.Token);
        Task output = shell.StandardOutput.CopyToAsync(stream, left.Token);
        // After the last of what a pipe sends, the shell still answers; a person who has left does not hear it.
        if (await Task.WhenAny(input, output).ConfigureAwait(false) == input)
            await Task.WhenAny(output, Clock.System.Delay(AnswersFor, left.Token)).ConfigureAwait(false);
        await left.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(input, output).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task TypeAsync(NetworkStream from, Stream to, CancellationToken cancellationToken)
    {
        try
        {
            await from.CopyToAsync(to, cancellationToken).ConfigureAwait(false);
            await to.DisposeAsync().ConfigureAwait(false);
        }
        catch (AgentStreamClosedException)
        {
            // The shell has ended.
        }
    }
}
