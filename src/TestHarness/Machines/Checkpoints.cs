using System.Text.Json;
using System.Text.Json.Nodes;
using TestHarness.Operations;
using TestHarness.Qemu;

namespace TestHarness.Machines;

/// <summary>A machine's checkpoints: internal snapshots in its own overlays. The memory goes into the first one.</summary>
/// <param name="machine">What operations need.</param>
/// <param name="standstill">What stops it and lets it go on.</param>
/// <param name="putLinksBack">Gives its cards the carriers of now, for a snapshot has those of then.</param>
internal sealed class Checkpoints(MachineOperations machine, Standstill standstill, Func<CancellationToken, Task> putLinksBack)
{
    private readonly Dictionary<string, string> _tags = new(StringComparer.Ordinal);
    private int _last;

    /// <summary>The names that they have on the machine's disks.</summary>
    public IReadOnlyCollection<string> Tags
    {
        get
        {
            lock (_tags)
                return [.. _tags.Values];
        }
    }

    public Task SaveAsync(string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return GuardAsync($"checkpoint \"{name}\"", token => SaveNowAsync(name, token), cancellationToken);
    }

    /// <exception cref="ArgumentException">There is no such checkpoint.</exception>
    public Task LoadAsync(string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (_tags)
        {
            if (!_tags.ContainsKey(name))
            {
                string known =
                    _tags.Count == 0
                        ? "it has none; call CheckpointAsync first"
                        : string.Join(", ", _tags.Keys.Select(key => $"\"{key}\""));
                throw new ArgumentException($"Machine '{machine.Name}' has no checkpoint \"{name}\". Checkpoints: {known}.", nameof(name));
            }
        }

        return GuardAsync($"rollback to \"{name}\"", token => LoadNowAsync(name, token), cancellationToken);
    }

    /// <summary>Returns what the memory of each checkpoint takes, in bytes, by its name.</summary>
    public async Task<IReadOnlyDictionary<string, long>> MeasureAsync(CancellationToken cancellationToken)
    {
        JsonElement nodes = await machine
            .Monitor.ExecuteAsync("query-named-block-nodes", new JsonObject { ["flat"] = true }, cancellationToken)
            .ConfigureAwait(false);
        Dictionary<string, long> byTag = nodes
            .EnumerateArray()
            .Where(node => node.TryGetText("node-name") == "disk0")
            .Select(node => node.GetProperty("image"))
            .Where(image => image.TryGetProperty("snapshots", out _))
            .SelectMany(image => image.GetProperty("snapshots").EnumerateArray())
            .ToDictionary(snapshot => snapshot.TryGetText("name") ?? "", snapshot => snapshot.GetProperty("vm-state-size").GetInt64());
        lock (_tags)
            return _tags.ToDictionary(tag => tag.Key, tag => byTag.GetValueOrDefault(tag.Value));
    }

    /// <summary>Removes one that is there.</summary>
    public Task RemoveAsync(string name, CancellationToken cancellationToken) =>
        GuardAsync($"checkpoint \"{name}\" to be removed", token => RemoveNowAsync(name, token), cancellationToken);

    private Task<bool> GuardAsync(string what, Func<CancellationToken, Task> action, CancellationToken cancellationToken) =>
        machine.GuardAsync(
            what,
            machine.Scaled(Standstill.LongestAction),
            token => standstill.CarryThroughAsync(action, token),
            cancellationToken
        );

    private async Task SaveNowAsync(string name, CancellationToken cancellationToken)
    {
        string tag = $"checkpoint-{++_last}";
        await Migration.IncludeMemoryAsync(machine.Monitor, cancellationToken).ConfigureAwait(false);
        await machine.Monitor.RunJobAsync("snapshot-save", Snapshot(tag), cancellationToken).ConfigureAwait(false);
        string? replaced;
        lock (_tags)
        {
            _tags.TryGetValue(name, out replaced);
            _tags[name] = tag;
        }

        if (replaced is not null)
            await DeleteAsync(replaced, cancellationToken).ConfigureAwait(false);
    }

    private async Task RemoveNowAsync(string name, CancellationToken cancellationToken)
    {
        string? tag;
        lock (_tags)
            _tags.Remove(name, out tag);
        if (tag is not null)
            await DeleteAsync(tag, cancellationToken).ConfigureAwait(false);
    }

    private Task DeleteAsync(string tag, CancellationToken cancellationToken) =>
        machine.Monitor.RunJobAsync("snapshot-delete", new JsonObject { ["tag"] = tag, ["devices"] = Disks() }, cancellationToken);

    private async Task LoadNowAsync(string name, CancellationToken cancellationToken)
    {
        string tag;
        lock (_tags)
            tag = _tags[name];
        await Migration.IncludeMemoryAsync(machine.Monitor, cancellationToken).ConfigureAwait(false);
        await machine.Monitor.RunJobAsync("snapshot-load", Snapshot(tag), cancellationToken).ConfigureAwait(false);
        await putLinksBack(cancellationToken).ConfigureAwait(false);
        await standstill.ComeBackAsync(cancellationToken).ConfigureAwait(false);
    }

    private JsonObject Snapshot(string tag) =>
        new()
        {
            ["tag"] = tag,
            ["vmstate"] = "disk0",
            ["devices"] = Disks(),
        };

    private JsonArray Disks() =>
        [
            .. Enumerable.Range(0, machine.Spec.Disks.Count + 1).Select(index => JsonValue.Create($"disk{index}")),
            .. machine.Spec.Firmware == Firmware.Uefi ? (JsonNode[])[JsonValue.Create(QemuArguments.UefiVariables)] : [],
        ];
}
