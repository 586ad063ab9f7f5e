using TestHarness.Agents;
using TestHarness.Qemu;

namespace TestHarness;

// Its place on networks with other machines.
public sealed partial class VirtualMachine
{
    private static readonly TimeSpan NetworkLimit = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Gets what its cards on networks go by, by the networks' names: <c>vm.Addresses["lan"]</c> is the address in a command.
    /// </summary>
    public IReadOnlyDictionary<string, CardAddress> Addresses =>
        (_wiring?.Cards ?? []).ToDictionary(card => card.Network, StringComparer.Ordinal);

    /// <summary>
    /// Tells a guest that is up who else is on its networks by now. One that stands still is told when it goes on, and one that has ended
    /// need not know. One without the agent asks the switch.
    /// </summary>
    internal async Task TellNamesAsync(CancellationToken cancellationToken)
    {
        if (_wiring is null || Spec.GuestAccess == GuestAccess.None || State is not MachineState.Running)
            return;
        try
        {
            await _operations
                .GuardAsync(
                    "the guest to be told who is on its networks",
                    _operations.Scaled(NetworkLimit),
                    async token =>
                    {
                        await _guest.TellNamesAsync(token).ConfigureAwait(false);
                        return true;
                    },
                    cancellationToken
                )
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is MachineExitedException || (e is WaitTimeoutException && State == MachineState.Paused))
        {
            // It ended meanwhile, or was made to stand still.
        }
        catch (AgentException e)
        {
            throw new InvalidOperationException($"Machine '{Name}' could not be told who is on its networks: {e.Message}.", e);
        }
    }

    /// <summary>Pulls cables, or puts them back, as the test has asked for by now.</summary>
    /// <exception cref="MachineExitedException">The machine has ended.</exception>
    internal Task PlugAsync(string what, CancellationToken cancellationToken) =>
        _operations.GuardAsync(
            what,
            _operations.Scaled(NetworkLimit),
            async token =>
            {
                await _life.Returned.WaitAsync(token).ConfigureAwait(false);
                await SetLinksAsync(token).ConfigureAwait(false);
                return true;
            },
            cancellationToken
        );

    private Task SetLinksAsync(CancellationToken cancellationToken) =>
        CardPlug.SetLinksAsync(_wiring?.Plugs ?? [], Monitor, cancellationToken);
}
