using TestHarness.Agents;

namespace TestHarness.Access;

/// <summary>The agent's own port: whoever brings it, there it answers.</summary>
/// <param name="port">The port's connection.</param>
internal sealed class AgentWay(Stream port) : WayIn
{
    public override GuestAccess Kind => GuestAccess.Agent;

    public override string State => "no agent in it answers";

    public override async Task<AgentConnection> ConnectAsync(bool restored, CancellationToken cancellationToken)
    {
        var agent = new AgentConnection(port);
        await agent.HandshakeAsync(cancellationToken).ConfigureAwait(false);
        return agent;
    }

    // The port is the QEMU process's.
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
