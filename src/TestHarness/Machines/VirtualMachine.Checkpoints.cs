using System.Text.Json.Nodes;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private const string PutBack = "The machine was put back to a checkpoint.";

    private static readonly TimeSpan CheckpointLimit = TimeSpan.FromMinutes(2);

    private readonly Dictionary<string, string> _checkpoints = new(StringComparer.Ordinal);
    private int _lastCheckpoint;

    /// <summary>
    /// Keeps the machine as it is now, memory, devices and disks together, under a name. It goes with the machine. The guest stands still meanwhile;
    /// commands that run go on. A paused machine stays paused.
    /// </summary>
    /// <param name="name">The name; a checkpoint of that name is replaced.</param>
    /// <param name="cancellationToken">Ends the wait; the checkpoint is made all the same.</param>
    /// <returns>A task for the checkpoint.</returns>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    /// <exception cref="MonitorException">A device of the machine can't be saved.</exception>
    public Task CheckpointAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return _operations.GuardAsync($"checkpoint \"{name}\"", _operations.Scaled(CheckpointLimit), token => CarryThroughAsync(limit => SaveCheckpointAsync(name, limit), token), cancellationToken);
    }

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
    public Task RollbackAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (_checkpoints)
        {
            if (!_checkpoints.ContainsKey(name))
            {
                string known = _checkpoints.Count == 0 ? "it has none; call CheckpointAsync first" : string.Join(", ", _checkpoints.Keys.Select(key => $"\"{key}\""));
                throw new ArgumentException($"Machine '{Name}' has no checkpoint \"{name}\". Checkpoints: {known}.", nameof(name));
            }
        }

        return _operations.GuardAsync($"rollback to \"{name}\"", _operations.Scaled(CheckpointLimit), token => CarryThroughAsync(limit => LoadCheckpointAsync(name, limit), token), cancellationToken);
    }

    private async Task SaveCheckpointAsync(string name, CancellationToken cancellationToken)
    {
        string tag = $"checkpoint-{++_lastCheckpoint}";
        await Monitor.RunJobAsync("snapshot-save", Snapshot(tag), cancellationToken).ConfigureAwait(false);
        string? replaced;
        lock (_checkpoints)
        {
            _checkpoints.TryGetValue(name, out replaced);
            _checkpoints[name] = tag;
        }

        if (replaced is not null)
            await Monitor.RunJobAsync("snapshot-delete", new JsonObject { ["tag"] = replaced, ["devices"] = Disks() }, cancellationToken).ConfigureAwait(false);
    }

    private async Task LoadCheckpointAsync(string name, CancellationToken cancellationToken)
    {
        string tag;
        lock (_checkpoints)
            tag = _checkpoints[name];
        await Monitor.RunJobAsync("snapshot-load", Snapshot(tag), cancellationToken).ConfigureAwait(false);
        _rolledBack = true;
        if (State == MachineState.Paused)
            _guest.Interrupt(PutBack);
        else
            // A load leaves the machine stopped.
            await LetGoOnAsync(cancellationToken).ConfigureAwait(false);
    }

    // Internal snapshots in the machine's own overlays; the memory goes into the first one.
    private JsonObject Snapshot(string tag) => new() { ["tag"] = tag, ["vmstate"] = "disk0", ["devices"] = Disks() };

    private JsonArray Disks() =>
    [
        .. Enumerable.Range(0, Spec.Disks.Count + 1).Select(index => JsonValue.Create($"disk{index}")),
        .. Spec.Firmware == Firmware.Uefi ? (JsonNode[])[JsonValue.Create(QemuArguments.UefiVariables)] : [],
    ];
}
