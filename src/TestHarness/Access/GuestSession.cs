using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>
/// The way into a running guest: brings it up after a start and after each reboot (the agent answers, the image's own command says that it
/// is ready, clock, random state and host name are confirmed) and hands out the agent's connection once that is done.
/// </summary>
/// <param name="settler">Gives the guest what is its own.</param>
internal sealed partial class GuestSession(GuestSettler settler) : IAsyncDisposable
{
    // A connection closes a moment before it is known whether the machine has ended or comes back.
    private static readonly TimeSpan NewsFollow = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _disposed = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WayIn? _way;
    private AgentConnection? _agent;
    private IReadOnlyList<ReadyCheck> _ready = [];
    private Up? _up;
    private int _generation;
    private string? _failure;
    private volatile bool _returning;

    /// <summary>Happens when the guest has come up again after a reboot.</summary>
    public event Action? CameUp;

    /// <summary>The ports in the guest that the library serves, opened anew whenever the guest has come up.</summary>
    public GuestPorts Ports { get; } = new();

    /// <summary>Whether the guest may restart by itself before it is up, as user-data can ask for.</summary>
    public bool MayRestart { get; set; }

    /// <summary>Whether an agent has answered since the start.</summary>
    public bool HasAnswered { get; private set; }

    /// <summary>Which way in was taken.</summary>
    public GuestAccess? Access => HasAnswered ? _way?.Kind : null;

    /// <summary>What the ways in were last seen to do, where they are more than the agent's port and none has got to the agent.</summary>
    public string? UnansweredWay => HasAnswered || _way is null or AgentWay ? null : _way.State;

    /// <summary>
    /// Brings the guest up, and again after each reboot for as long as its QEMU lives. Called again with the way into the guest of a new
    /// QEMU.
    /// </summary>
    /// <param name="way">The way in; taken over.</param>
    /// <param name="ready">The commands that end when the guest is up.</param>
    /// <param name="restored">Whether the guest is one of several copies: it was ready when it was saved, and is made an
    /// individual.</param>
    /// <param name="phase">Told what is being waited for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task ComeUpAsync(
        WayIn way,
        IReadOnlyList<ReadyCheck> ready,
        bool restored,
        Action<string> phase,
        CancellationToken cancellationToken
    )
    {
        _ready = ready;
        HasAnswered = false;
        await LeaveAsync().ConfigureAwait(false);
        _way = way;
        AgentConnection agent = await way.ConnectAsync(restored, cancellationToken).ConfigureAwait(false);
        await TakeAsync(agent, restored, phase, cancellationToken).ConfigureAwait(false);
        _ = FollowRebootsAsync(way, agent);
    }

    /// <summary>Takes note that the guest has been reset within its QEMU.</summary>
    public void GuestWasReset() => _way?.GuestWasReset();

    /// <summary>
    /// Disconnects before the guest is saved, so that the saved agent does not wait for a connection that will not exist after a restore.
    /// </summary>
    public async Task DetachAsync()
    {
        await _disposed.CancelAsync().ConfigureAwait(false);
        if (_way is not null)
            await _way.DetachAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Says that the machine goes on in a new QEMU: those who want the guest wait for it, however long the host takes to start one.
    /// </summary>
    public void ExpectReturn() => _returning = true;

    /// <summary>The agent's connection, once the guest is up; waits while it reboots.</summary>
    /// <exception cref="AgentLostException">The connection has ended, or the guest did not come up again.</exception>
    public async Task<AgentConnection> ReadyAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            (AgentConnection agent, Up? up, Task changed) = Look();
            try
            {
                AgentHello hello = await agent.HandshakeAsync(cancellationToken).ConfigureAwait(false);
                if (up?.Agent == agent && up.Restarts >= hello.Restarts)
                {
                    await Ports.OpenNewAsync(agent, cancellationToken).ConfigureAwait(false);
                    return agent;
                }

                await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (AgentLostException)
            {
                if (
                    await Task.WhenAny(changed, Clock.System.Delay(NewsFollow, cancellationToken)).ConfigureAwait(false) != changed
                    && !_returning
                    && Look().Agent == agent
                )
                    throw;
            }
        }
    }

    /// <summary>
    /// Makes the guest right again after it was put back to a checkpoint: the agent in step, clock and random state those of now.
    /// </summary>
    public async Task ComeBackAsync(string reason, CancellationToken cancellationToken)
    {
        if (_way is { OutlivesReboot: false } way)
        {
            await ReconnectAsync(way, cancellationToken).ConfigureAwait(false);
            return;
        }

        AgentConnection agent = Look().Agent;
        await agent.ComeInStepAgainAsync(reason, cancellationToken).ConfigureAwait(false);
        await settler.RefreshAsync(agent, begins: true, cancellationToken).ConfigureAwait(false);
        await Ports.OpenAllAsync(agent, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives the guest the clock and random state of now, after it stood still.</summary>
    /// <param name="begins">Whether a time that it begins with is set again.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task RefreshAsync(bool begins, CancellationToken cancellationToken) =>
        settler.RefreshAsync(Look().Agent, begins, cancellationToken);

    /// <summary>Tells the guest, once it is up, who else is on its networks by now.</summary>
    public async Task TellNamesAsync(CancellationToken cancellationToken) =>
        await settler.TellNamesAsync(await ReadyAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <summary>Tells whether the guest answers within a limit.</summary>
    public async Task<bool> AnswersAsync(TimeSpan limit)
    {
        try
        {
            using Deadline token = Clock.System.Limit(limit);
            await Look().Agent.PingAsync(token.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is AgentLostException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Fails everything that is under way in the guest, which is known to have stopped; it may come back.</summary>
    public void Interrupt(string reason) => _agent?.LoseStep(reason);

    /// <summary>Fails everything that waits for a guest that does not come back.</summary>
    public void GiveUp(string reason)
    {
        Tell(null, reason);
        _agent?.LoseStep(reason);
    }

    /// <summary>Asks the guest to shut down in an orderly way; does not wait for it.</summary>
    public async Task PowerOffAsync(CancellationToken cancellationToken)
    {
        AgentConnection agent = await ReadyAsync(cancellationToken).ConfigureAwait(false);
        await agent.PowerAsync(AgentPower.PowerOff, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync().ConfigureAwait(false);
        await LeaveAsync().ConfigureAwait(false);
    }

    private async Task LeaveAsync()
    {
        if (_agent is not null)
            await _agent.DisposeAsync().ConfigureAwait(false);
        if (_way is not null)
            await _way.DisposeAsync().ConfigureAwait(false);
    }

    private async Task TakeAsync(AgentConnection agent, bool restored, Action<string> phase, CancellationToken cancellationToken)
    {
        _agent = agent;
        AgentHello hello = await agent.HandshakeAsync(cancellationToken).ConfigureAwait(false);
        HasAnswered = true;
        _returning = false;
        while (!await TryBringUpAsync(agent, restored, phase, cancellationToken).ConfigureAwait(false))
        {
            phase("the guest, which restarts by itself, to answer again");
            hello = await agent.WaitForRestartAsync(hello, cancellationToken).ConfigureAwait(false);
        }

        Tell(new Up(agent, hello.Restarts), failure: null);
    }

    // False where the guest restarts meanwhile: its agent is lost, or what it runs is ended before that.
    private async Task<bool> TryBringUpAsync(
        AgentConnection agent,
        bool restored,
        Action<string> phase,
        CancellationToken cancellationToken
    )
    {
        try
        {
            await BringUpAsync(agent, restored, phase, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception e)
            when (MayRestart && _way is { OutlivesReboot: true } && e is AgentLostException or AgentException { WasKilled: true })
        {
            return false;
        }
    }

    private async Task BringUpAsync(AgentConnection agent, bool restored, Action<string> phase, CancellationToken cancellationToken)
    {
        foreach (ReadyCheck check in restored ? [] : _ready)
        {
            phase(check.WaitsFor);
            await GuestScript.RunAsync(agent, check.Command, check.Failure, cancellationToken).ConfigureAwait(false);
        }

        phase("the guest to confirm clock, random state and host name");
        await settler.SettleAsync(agent, newMachineId: restored, cancellationToken).ConfigureAwait(false);
        await Ports.OpenAllAsync(agent, cancellationToken).ConfigureAwait(false);
    }

    private (AgentConnection Agent, Up? Up, Task Changed) Look()
    {
        lock (_gate)
        {
            if (_failure is not null)
                throw new AgentLostException(_failure);
            return (_agent ?? throw new AgentLostException("the guest has not come up"), _up, _changed.Task);
        }
    }

    private void Tell(Up? up, string? failure)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _up = up;
            _failure = failure;
            _generation++;
            changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.TrySetResult();
    }

    /// <summary>Which agent is up: its connection, and how often it had restarted on it.</summary>
    private sealed record Up(AgentConnection Agent, int Restarts);
}
