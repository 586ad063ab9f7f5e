using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>
/// Whichever way answers, for a guest of which nothing is known: the agent that cloud-init may install, SSH, the QEMU guest agent. Those
/// that would bring the agent themselves give it a while to come by itself.
/// </summary>
/// <param name="own">The agent's port.</param>
/// <param name="ssh">SSH, where it is known how.</param>
/// <param name="helper">The QEMU guest agent.</param>
/// <param name="grace">How long the agent may take once another way answers.</param>
internal sealed class FirstWay(AgentWay own, SshWay? ssh, GuestAgentWay helper, TimeSpan grace) : WayIn
{
    private readonly CancellationTokenSource _disposed = new();
    private WayIn? _taken;
    private bool _helped;

    /// <summary>Gets SSH, where it is known how.</summary>
    public SshWay? Ssh => ssh;

    public override GuestAccess Kind => _taken?.Kind ?? GuestAccess.Auto;

    public override bool OutlivesReboot => _taken?.OutlivesReboot ?? true;

    public override bool IsEntering => ssh is { IsEntering: true };

    public override string State => string.Join("; ", ((WayIn?[])[own, ssh, helper]).OfType<WayIn>().Select(way => way.State));

    public override async Task<AgentConnection> ConnectAsync(bool restored, CancellationToken cancellationToken)
    {
        if (_taken is not null)
            return await _taken.ConnectAsync(restored, cancellationToken).ConfigureAwait(false);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposed.Token);
        Task<AgentConnection> byPort = own.ConnectAsync(restored, over.Token);
        Task help = restored ? Task.CompletedTask : HelpAsync(over.Token);
        Task<AgentConnection> bySsh = ssh is null ? byPort : BySshAsync(ssh, restored, over.Token);
        try
        {
            await Task.WhenAny(byPort, bySsh).ConfigureAwait(false);
            // Where SSH can't be, the state says so, and another way may do.
            if (ssh is not null && bySsh.IsCompletedSuccessfully)
            {
                _taken = ssh;
                return await bySsh.ConfigureAwait(false);
            }

            AgentConnection agent = await byPort.ConfigureAwait(false);
            _taken = _helped ? helper : own;
            return agent;
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(help, bySsh, byPort).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ssh is not null && _taken != ssh)
                await ssh.DisposeAsync().ConfigureAwait(false);
        }
    }

    public override void GuestWasReset() => _taken?.GuestWasReset();

    public override Task DetachAsync() => _taken?.DetachAsync() ?? Task.CompletedTask;

    public override async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync().ConfigureAwait(false);
        if (ssh is not null)
            await ssh.DisposeAsync().ConfigureAwait(false);
        await helper.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<AgentConnection> BySshAsync(SshWay way, bool restored, CancellationToken cancellationToken)
    {
        if (!restored)
        {
            await way.AnswersAsync(cancellationToken).ConfigureAwait(false);
            await Clock.System.Delay(grace, cancellationToken).ConfigureAwait(false);
        }

        return await way.ConnectAsync(restored, cancellationToken).ConfigureAwait(false);
    }

    private async Task HelpAsync(CancellationToken cancellationToken)
    {
        await helper.AnswersAsync(cancellationToken).ConfigureAwait(false);
        await Clock.System.Delay(grace, cancellationToken).ConfigureAwait(false);
        await helper.BringAsync(cancellationToken).ConfigureAwait(false);
        _helped = true;
    }
}
