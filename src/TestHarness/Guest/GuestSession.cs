using System.Security.Cryptography;

namespace TestHarness.Guest;

/// <summary>
/// The way into a running guest: brings it up after a start and after each reboot (the agent answers, the image's own command says that it is ready, clock,
/// random state and host name are confirmed) and hands out the agent's connection once that is done.
/// </summary>
internal sealed class GuestSession(string hostname) : IAsyncDisposable
{
    private const int SeedBytes = 64;

    private readonly CancellationTokenSource _disposed = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private AgentConnection? _agent;
    private string? _ready;
    private int _broughtUp = -1;
    private string? _failure;

    /// <summary>Brings the guest up, and again after each reboot for as long as this connection lives.</summary>
    /// <param name="transport">The connection of the agent's port.</param>
    /// <param name="ready">The image's command that ends when the guest is up, or <see langword="null"/>.</param>
    /// <param name="phase">Told what is being waited for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task ComeUpAsync(Stream transport, string? ready, Action<string> phase, CancellationToken cancellationToken)
    {
        _ready = ready;
        _agent = new AgentConnection(transport);
        AgentHello hello = await _agent.HandshakeAsync(cancellationToken).ConfigureAwait(false);
        await BringUpAsync(_agent, phase, cancellationToken).ConfigureAwait(false);
        Tell(hello.Restarts, failure: null);
        _ = FollowRebootsAsync(_agent, hello);
    }

    /// <summary>The agent's connection, once the guest is up; waits while it reboots.</summary>
    /// <exception cref="AgentLostException">The connection has ended, or the guest did not come up again.</exception>
    public async Task<AgentConnection> ReadyAsync(CancellationToken cancellationToken)
    {
        AgentConnection agent = _agent ?? throw new AgentLostException("the guest has not come up");
        while (true)
        {
            AgentHello hello = await agent.HandshakeAsync(cancellationToken).ConfigureAwait(false);
            Task changed;
            lock (_gate)
            {
                if (_failure is not null)
                    throw new AgentLostException(_failure);
                if (_broughtUp >= hello.Restarts)
                    return agent;
                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Asks the guest to shut down in an orderly way; does not wait for it.</summary>
    public async Task PowerOffAsync(CancellationToken cancellationToken)
    {
        AgentConnection agent = await ReadyAsync(cancellationToken).ConfigureAwait(false);
        await agent.PowerAsync(AgentPower.PowerOff, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Restarts the guest in an orderly way and waits until it is up again.</summary>
    public async Task RebootAsync(CancellationToken cancellationToken)
    {
        AgentConnection agent = await ReadyAsync(cancellationToken).ConfigureAwait(false);
        AgentHello before = await agent.HandshakeAsync(cancellationToken).ConfigureAwait(false);
        await agent.PowerAsync(AgentPower.Reboot, cancellationToken).ConfigureAwait(false);
        await agent.WaitForRestartAsync(before, cancellationToken).ConfigureAwait(false);
        await ReadyAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync().ConfigureAwait(false);
        if (_agent is not null)
            await _agent.DisposeAsync().ConfigureAwait(false);
    }

    private async Task BringUpAsync(AgentConnection agent, Action<string> phase, CancellationToken cancellationToken)
    {
        if (_ready is not null)
        {
            phase($"the guest to be ready ({_ready})");
            await RunReadyCommandAsync(agent, _ready, cancellationToken).ConfigureAwait(false);
        }

        phase("the guest to confirm clock, random state and host name");
        byte[] seed = RandomNumberGenerator.GetBytes(SeedBytes);
        AgentSettled settled = await agent.SettleAsync(DateTimeOffset.UtcNow, seed, hostname, cancellationToken).ConfigureAwait(false);
        if (!settled.Succeeded)
        {
            throw new AgentException(
                settled.ClockError | settled.RandomError | settled.HostNameError,
                $"the guest refused to set its clock, random state or host name (errno {settled.ClockError}, {settled.RandomError}, {settled.HostNameError})");
        }
    }

    private static async Task RunReadyCommandAsync(AgentConnection agent, string command, CancellationToken cancellationToken)
    {
        var output = new OutputCollector(ShellOptions.Default);
        AgentProcess process = await agent.RunAsync(new AgentCommand(["/bin/sh", "-c", command]), cancellationToken).ConfigureAwait(false);
        await using (process.ConfigureAwait(false))
        {
            await process.StandardInput.DisposeAsync().ConfigureAwait(false);
            await output.CollectAsync(process.StandardOutput, process.StandardError, cancellationToken).ConfigureAwait(false);
            AgentExit exit = await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (exit.ShellExitCode != 0)
                throw new AgentException(0, $"the image's ready command ended with exit code {exit.ShellExitCode}: {output.Describe()}");
        }
    }

    private async Task FollowRebootsAsync(AgentConnection agent, AgentHello hello)
    {
        try
        {
            while (true)
            {
                hello = await agent.WaitForRestartAsync(hello, _disposed.Token).ConfigureAwait(false);
                await BringUpAsync(agent, _ => { }, _disposed.Token).ConfigureAwait(false);
                Tell(hello.Restarts, failure: null);
            }
        }
        catch (Exception e) when (e is AgentLostException or AgentException or OperationCanceledException)
        {
            Tell(hello.Restarts, $"the guest did not come back: {e.Message}");
        }
    }

    private void Tell(int broughtUp, string? failure)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _broughtUp = broughtUp;
            _failure = failure;
            changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.TrySetResult();
    }
}
