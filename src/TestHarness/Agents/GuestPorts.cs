using System.Collections.Immutable;

namespace TestHarness.Agents;

/// <summary>The ports inside a guest that the library serves.</summary>
internal sealed class GuestPorts
{
    private ImmutableArray<GuestPort> _ports = [];

    /// <summary>Adds a port; it is opened when the guest is next seen to be up.</summary>
    public void Add(GuestPort port) => ImmutableInterlocked.Update(ref _ports, ports => ports.Add(port));

    /// <summary>Opens what is not open, for a guest that has just come up or been put back.</summary>
    public Task OpenAllAsync(AgentConnection agent, CancellationToken cancellationToken) =>
        OpenAsync(agent, again: true, cancellationToken);

    /// <summary>Opens what is not open, but for what the guest has refused since it came up.</summary>
    public Task OpenNewAsync(AgentConnection agent, CancellationToken cancellationToken) =>
        _ports.IsEmpty ? Task.CompletedTask : OpenAsync(agent, again: false, cancellationToken);

    private async Task OpenAsync(AgentConnection agent, bool again, CancellationToken cancellationToken)
    {
        foreach (GuestPort port in _ports)
            await port.TryOpenAsync(agent, again, cancellationToken).ConfigureAwait(false);
    }
}
