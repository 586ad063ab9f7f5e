using TestHarness.Machines;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private readonly Checkpoints _checkpoints;

    /// <summary>
    /// Keeps the machine as it is now, memory, devices and disks together, under a name. It goes with the machine. The guest stands still meanwhile;
    /// commands that run go on. A paused machine stays paused.
    /// </summary>
    /// <param name="name">The name; a checkpoint of that name is replaced.</param>
    /// <param name="cancellationToken">Ends the wait; the checkpoint is made all the same.</param>
    /// <returns>A task for the checkpoint.</returns>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    /// <exception cref="MonitorException">A device of the machine can't be saved.</exception>
    public Task CheckpointAsync(string name, CancellationToken cancellationToken = default) => _checkpoints.SaveAsync(name, cancellationToken);

    /// <summary>
    /// Puts the machine back to a checkpoint: memory, devices and disks. Clock and random state are then made those of now. Commands that were running are
    /// lost; shell, console and screen work on, and the serial log keeps what it has. A paused machine stays paused, as it was at the checkpoint;
    /// <see cref="ResumeAsync"/> gives it clock and random state.
    /// </summary>
    /// <param name="name">The checkpoint's name. It stays, and can be gone back to again.</param>
    /// <param name="cancellationToken">Ends the wait; the machine goes back all the same.</param>
    /// <returns>A task that ends when the guest answers, or stands still where it was paused.</returns>
    /// <exception cref="ArgumentException">There is no such checkpoint; those that there are, are named.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task RollbackAsync(string name, CancellationToken cancellationToken = default) => _checkpoints.LoadAsync(name, cancellationToken);
}
