using TestHarness.Agents;
using TestHarness.Errors;

namespace TestHarness.Access;

// A guest that was up restarts, and comes back.
internal sealed partial class GuestSession
{
    /// <summary>Restarts the guest in an orderly way and waits until it is up again.</summary>
    public async Task RebootAsync(CancellationToken cancellationToken)
    {
        AgentConnection agent = await ReadyAsync(cancellationToken).ConfigureAwait(false);
        int before = _generation;
        await agent.PowerAsync(AgentPower.Reboot, cancellationToken).ConfigureAwait(false);
        await WaitForNewsAsync(before, cancellationToken).ConfigureAwait(false);
    }

    // The connection breaks, which is what is waited for there to connect anew.
    private async Task ReconnectAsync(WayIn way, CancellationToken cancellationToken)
    {
        int before = Volatile.Read(ref _generation);
        way.GuestWasReset();
        await WaitForNewsAsync(before, cancellationToken).ConfigureAwait(false);
    }

    private async Task WaitForNewsAsync(int before, CancellationToken cancellationToken)
    {
        while (Volatile.Read(ref _generation) == before)
            await Look().Changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        // Not up, where it was given up.
        _ = Look();
    }

    private async Task FollowRebootsAsync(WayIn way, AgentConnection agent)
    {
        try
        {
            AgentHello hello = await agent.HandshakeAsync(_disposed.Token).ConfigureAwait(false);
            while (true)
            {
                if (way.OutlivesReboot)
                {
                    hello = await agent.WaitForRestartAsync(hello, _disposed.Token).ConfigureAwait(false);
                    await BringUpAsync(agent, restored: false, _ => { }, _disposed.Token).ConfigureAwait(false);
                    Tell(new Up(agent, hello.Restarts), failure: null);
                }
                else
                {
                    await agent.Completion.WaitAsync(_disposed.Token).ConfigureAwait(false);
                    _returning = true;
                    agent = await way.ConnectAsync(restored: false, _disposed.Token).ConfigureAwait(false);
                    await TakeAsync(agent, restored: false, _ => { }, _disposed.Token).ConfigureAwait(false);
                }

                CameUp?.Invoke();
            }
        }
        catch (Exception e) when (e is AgentException or BootFailedException)
        {
            Tell(null, $"the guest did not come back: {e.Message}");
        }
        catch (Exception e) when (e is AgentLostException or OperationCanceledException)
        {
            // The machine has ended, or goes on in a new QEMU: the machine's own watch tells.
        }
    }
}
