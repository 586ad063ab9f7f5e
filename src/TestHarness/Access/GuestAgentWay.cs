using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>The QEMU guest agent, which starts the library's: from then on that one serves its own port.</summary>
/// <param name="own">The port of the library's agent.</param>
/// <param name="helper">The QEMU guest agent.</param>
internal sealed class GuestAgentWay(AgentWay own, QemuGuestAgent helper) : WayIn
{
    private readonly CancellationTokenSource _disposed = new();
    private volatile string _state = "it has not answered";

    public override GuestAccess Kind => GuestAccess.GuestAgent;

    public override string State => $"QEMU guest agent: {_state}";

    public override async Task<AgentConnection> ConnectAsync(bool restored, CancellationToken cancellationToken)
    {
        // In a guest that was saved, what was brought is there.
        if (!restored)
        {
            await AnswersAsync(cancellationToken).ConfigureAwait(false);
            await BringAsync(cancellationToken).ConfigureAwait(false);
        }

        return await own.ConnectAsync(restored, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until the QEMU guest agent answers.</summary>
    public async Task AnswersAsync(CancellationToken cancellationToken)
    {
        await helper.WaitAsync(cancellationToken).ConfigureAwait(false);
        _state = "it answers";
    }

    /// <summary>Has it start the library's agent.</summary>
    public async Task BringAsync(CancellationToken cancellationToken)
    {
        try
        {
            (int exitCode, string error) = await helper.RunAsync(AgentLauncher.OnPort(), cancellationToken).ConfigureAwait(false);
            _state =
                exitCode == 0
                    ? "it has started the agent, which does not answer"
                    : $"the agent could not be started: {PrintableText.Of(error.Trim())} (exit code {exitCode})";
            if (exitCode != 0)
                throw new BootFailedException(new GuestTrouble(MachineFault.AccessRefused, $"the QEMU guest agent answers, but {_state}"));
        }
        catch (AgentException e)
        {
            throw new BootFailedException(new GuestTrouble(MachineFault.AccessRefused, e.Message), e);
        }
    }

    public override void GuestWasReset() => _ = BringAgainAsync();

    public override async ValueTask DisposeAsync() => await _disposed.CancelAsync().ConfigureAwait(false);

    // Whoever waits for the guest waits for the agent; if it can't be brought they run into their limits, and are told the state.
    private async Task BringAgainAsync()
    {
        try
        {
            await AnswersAsync(_disposed.Token).ConfigureAwait(false);
            await BringAsync(_disposed.Token).ConfigureAwait(false);
        }
        catch (Exception e)
            when (e is OperationCanceledException or AgentLostException or BootFailedException or IOException or ObjectDisposedException)
        {
            // The state says it.
        }
    }
}
