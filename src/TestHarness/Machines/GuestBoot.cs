using TestHarness.Access;
using TestHarness.Operations;
using TestHarness.Qemu;

namespace TestHarness.Machines;

/// <summary>Brings a guest up, or finds why it does not come.</summary>
/// <param name="machine">What operations need.</param>
/// <param name="life">The machine's state.</param>
/// <param name="guest">The guest.</param>
/// <param name="watch">What looks out for trouble in it.</param>
/// <param name="ssh">The door for SSH, where the library itself comes in by it.</param>
/// <param name="capture">Takes a picture of the screen, where there is one.</param>
internal sealed class GuestBoot(
    MachineOperations machine,
    MachineLife life,
    GuestSession guest,
    GuestWatch watch,
    SshDoor ssh,
    Func<CancellationToken, Task<Screenshot?>> capture
)
{
    // A guest that restarts more often goes round in circles.
    private const int MostRestarts = 3;

    // How long an agent that comes by itself may take once another way answers.
    private static readonly TimeSpan AgentGrace = TimeSpan.FromSeconds(8);

    /// <summary>Up, or why not: whatever shows first.</summary>
    /// <param name="run">The run, whose QEMU has let the guest go.</param>
    /// <param name="phase">Told what is waited for.</param>
    /// <param name="restarted">Told each restart that user-data asked for.</param>
    /// <param name="cancellationToken">Ends the wait by the limit.</param>
    /// <exception cref="BootFailedException">The guest did not come up.</exception>
    /// <exception cref="QemuEndedException">QEMU ended.</exception>
    public async Task ComeUpAsync(MachineRun run, Action<string> phase, Action restarted, CancellationToken cancellationToken)
    {
        if (machine.Spec.GuestAccess == GuestAccess.None)
        {
            // Nothing in this guest says when it is up: it is started once its processors run.
            guest.GiveUp("nothing in this guest answers, which its spec says");
            return;
        }

        QemuProcess process = run.Process!;
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var progress = new BootProgress(process.Id, watch);
        WayIn way = await MakeWayAsync(run, cancellationToken).ConfigureAwait(false);
        guest.MayRestart = machine.Spec.CloudInit is not null && life.State is MachineState.Starting;
        Task watching = progress.WatchAsync(
            machine.Limits.NoProgress,
            machine.Limits.NoWayIn,
            () => guest.HasAnswered || way.IsEntering ? null : way.State,
            async token => (await capture(token).ConfigureAwait(false))?.Pixels.Hash(),
            done.Token
        );
        BootFiles boot = run.Plan.Boot;
        Task up = guest.ComeUpAsync(
            way,
            ReadyCheck.For(machine.Spec, run.Plan.Image.Ready, boot.Seed is not null),
            restored: boot.IsRestored,
            phase,
            done.Token
        );
        try
        {
            Task first = await Task.WhenAny(up, process.Exited, watch.Trouble).ConfigureAwait(false);
            for (int restarts = 0; restarts < MostRestarts && await RestartsAsync(way, up).ConfigureAwait(false); restarts++)
            {
                restarted();
                first = await Task.WhenAny(up, process.Exited, watch.Trouble).ConfigureAwait(false);
            }

            // The connection to the guest breaks a moment before it shows why.
            if (up.IsFaulted)
                await process.EndsSoonAsync(watch.Trouble, cancellationToken).ConfigureAwait(false);
            if (first != up || process.Exited.IsCompleted || watch.Trouble.IsCompleted)
                throw await WhyNotUpAsync(process).ConfigureAwait(false);
            await up.ConfigureAwait(false);
            NoteWay(way, phase);
        }
        catch (OperationCanceledException e)
        {
            throw new BootFailedException(new GuestTrouble(MachineFault.Deadline, progress.Describe()), e);
        }
        finally
        {
            await done.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(watching, up).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// A guest that had been up restarts within the same QEMU. Its session brings it up; what keeps it down is seen here.
    /// </summary>
    public void WatchReboot(QmpEvent happened)
    {
        if (GuestWatch.IsGuests(happened))
            guest.GuestWasReset();
        _ = WatchAsync();

        async Task WatchAsync()
        {
            watch.Boot();
            if (await watch.Trouble.ConfigureAwait(false) && await watch.JudgeAsync().ConfigureAwait(false) is { } trouble)
                guest.GiveUp($"The guest did not come back from its reboot: {trouble.Text}.");
        }
    }

    private async Task<WayIn> MakeWayAsync(MachineRun run, CancellationToken cancellationToken)
    {
        QemuInstance instance = run.Instance!;
        var agent = new AgentWay(instance.Agent);
        GuestAgentWay? helper = instance.GuestAgent is { } port ? new GuestAgentWay(agent, new QemuGuestAgent(port)) : null;
        SshWay? secure = run.Plan.UsesSsh ? await ssh.MakeWayAsync(cancellationToken).ConfigureAwait(false) : null;
        return machine.Spec.GuestAccess switch
        {
            GuestAccess.Ssh => secure!,
            GuestAccess.GuestAgent => helper!,
            _ when helper is not null => new FirstWay(agent, secure, helper, machine.Scaled(AgentGrace)),
            _ => agent,
        };
    }

    private void NoteWay(WayIn way, Action<string> phase)
    {
        if (way.Kind == GuestAccess.Agent)
            return;
        if (way is SshWay or FirstWay { Kind: GuestAccess.Ssh })
            ssh.Details = (way as SshWay ?? ((FirstWay)way).Ssh!).Details;
        phase($"way in: {way.State}");
    }

    // Whether the trouble is a restart that user-data asked for, and another boot follows.
    private async Task<bool> RestartsAsync(WayIn way, Task up)
    {
        if (
            !guest.MayRestart
            || !way.OutlivesReboot
            || up.IsCompleted
            || !watch.Trouble.IsCompleted
            || await watch.JudgeAsync().ConfigureAwait(false) is not { Fault: MachineFault.GuestReset }
        )
            return false;
        watch.Boot();
        return true;
    }

    // Not the first sign but the cause: a panic comes before the reset that follows from it, and QEMU's end after both.
    private async Task<Exception> WhyNotUpAsync(QemuProcess process)
    {
        if (await watch.JudgeAsync().ConfigureAwait(false) is { } trouble)
            return new BootFailedException(trouble);
        return new QemuEndedException(await process.Exited.ConfigureAwait(false));
    }
}
