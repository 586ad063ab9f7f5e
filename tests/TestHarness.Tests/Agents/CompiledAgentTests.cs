using TestHarness.Agents;
using Xunit;

namespace TestHarness.Tests.Agents;

/// <summary>Tests against an agent of their own, which runs on this host.</summary>
public abstract class CompiledAgentTests : IAsyncLifetime
{
    private protected CompiledAgent Agent { get; private set; } = null!;

    private protected static CancellationToken Token => TestContext.Current.CancellationToken;

    private protected AgentConnection Connection => Agent.Connection;

    public async ValueTask InitializeAsync() => Agent = await CompiledAgent.ConnectAsync(Token);

    public async ValueTask DisposeAsync()
    {
        await Agent.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
