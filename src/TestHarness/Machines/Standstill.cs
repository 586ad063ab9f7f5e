using System.Diagnostics.CodeAnalysis;
using TestHarness.Access;
using TestHarness.Operations;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>Stops the guest's processors and lets them go on. Who does either, or puts the machine back, does so alone.</summary>
/// <param name="machine">What operations need.</param>
/// <param name="life">The machine's state.</param>
/// <param name="guest">The guest.</param>
/// <param name="ended">Fires when the machine has ended.</param>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "It holds nothing of the system's; what was begun may outlive the machine."
)]
internal sealed class Standstill(MachineOperations machine, MachineLife life, GuestSession guest, CancellationToken ended)
{
    private const string PutBack = "The machine was put back to a checkpoint.";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _alone = new(1, 1);

    // Whether a guest that stands still was put back to a checkpoint meanwhile.
    private bool _rolledBack;

    /// <summary>What is begun here takes so long at most.</summary>
    public static TimeSpan LongestAction { get; } = TimeSpan.FromMinutes(2);

    public Task<bool> StopAsync(string what, CancellationToken cancellationToken) =>
        machine.GuardAsync(
            what,
            machine.Scaled(Limit),
            async token =>
            {
                await life.Returned.WaitAsync(token).ConfigureAwait(false);
                return await CarryThroughAsync(StopNowAsync, token).ConfigureAwait(false);
            },
            cancellationToken
        );

    /// <summary>Lets a paused guest go on, with the random state and, unless it was given a clock of its own, the time of now.</summary>
    /// <param name="what">What is waited for, in a person's words.</param>
    /// <param name="begins">Whether a clock of its own begins here.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<bool> GoOnAsync(string what, bool begins, CancellationToken cancellationToken) =>
        machine.GuardAsync(
            what,
            machine.Scaled(Limit),
            async token =>
            {
                await GoOnIfPausedAsync(token).ConfigureAwait(false);
                if (machine.Spec.GuestAccess != GuestAccess.None)
                    await guest.RefreshAsync(begins, token).ConfigureAwait(false);
                return true;
            },
            cancellationToken
        );

    /// <summary>Lets a paused guest go on: one that stands still hears nothing of what it is about to be asked.</summary>
    public async Task GoOnIfPausedAsync(CancellationToken cancellationToken)
    {
        if (machine.State == MachineState.Paused)
            await CarryThroughAsync(LetGoOnAsync, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tells that the machine was put back to a checkpoint, which leaves it stopped. One that was not paused goes on.</summary>
    public async Task ComeBackAsync(CancellationToken cancellationToken)
    {
        _rolledBack = true;
        if (machine.State == MachineState.Paused)
            guest.Interrupt(PutBack);
        else
            await LetGoOnAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Does something while the guest stands still, after which its QEMU is as a migration leaves it; it then goes on, or stands still
    /// again where it did before.
    /// </summary>
    public async Task StandStillAsync(Func<CancellationToken, Task> action, CancellationToken cancellationToken)
    {
        bool wasPaused = false;
        // It writes to files that the caller removes when it stops waiting.
        await CarryThroughAsync(ActAsync, CancellationToken.None).ConfigureAwait(false);
        if (!wasPaused && machine.Spec.GuestAccess != GuestAccess.None)
            await guest.RefreshAsync(begins: false, cancellationToken).ConfigureAwait(false);

        async Task ActAsync(CancellationToken token)
        {
            wasPaused = machine.State == MachineState.Paused;
            if (!wasPaused)
                await machine.Monitor.ExecuteLongAsync("stop", null, token).ConfigureAwait(false);
            try
            {
                await action(token).ConfigureAwait(false);
            }
            finally
            {
                // QEMU gives its disks back with a migration, and takes them again only when it goes on; also where the limit ran out.
                await machine.Monitor.ExecuteAsync("cont", null, ended).ConfigureAwait(false);
                if (wasPaused)
                    await machine.Monitor.ExecuteLongAsync("stop", null, ended).ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// Does something that is carried through, for half of it would leave a guest that stands still and a state that says otherwise:
    /// cancelling ends the wait.
    /// </summary>
    public async Task<bool> CarryThroughAsync(Func<CancellationToken, Task> action, CancellationToken cancellationToken)
    {
        await _alone.WaitAsync(cancellationToken).ConfigureAwait(false);
        Task carried = ActAsync();
        // Looked at here, for those who stopped waiting.
        _ = carried.ContinueWith(
            task => task.Exception,
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted,
            TaskScheduler.Default
        );
        await carried.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;

        async Task ActAsync()
        {
            try
            {
                using Deadline limit = machine.Time.Limit(machine.Scaled(LongestAction), ended);
                await action(limit.Token).ConfigureAwait(false);
            }
            finally
            {
                _alone.Release();
            }
        }
    }

    private async Task StopNowAsync(CancellationToken cancellationToken)
    {
        if (machine.State == MachineState.Paused)
            return;
        await machine.Monitor.ExecuteLongAsync("stop", null, cancellationToken).ConfigureAwait(false);
        life.TryMove(MachineState.Running, MachineState.Paused);
    }

    private async Task LetGoOnAsync(CancellationToken cancellationToken)
    {
        await machine.Monitor.ExecuteAsync("cont", null, cancellationToken).ConfigureAwait(false);
        // From here on it runs, whatever it answers.
        life.TryMove(MachineState.Paused, MachineState.Running);
        bool comesBack = _rolledBack;
        _rolledBack = false;
        if (comesBack && machine.Spec.GuestAccess != GuestAccess.None)
            await guest.ComeBackAsync(PutBack, cancellationToken).ConfigureAwait(false);
    }
}
