using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>
/// Saves a machine's processor and device state and loads it, over a unix socket that this process is at the other end of: QEMU's sandbox
/// forbids it to start the program that <c>exec:</c> would need. The memory stays in its file (<c>x-ignore-shared</c>; since QEMU 4.0,
/// still marked unstable).
/// </summary>
internal static class Migration
{
    /// <summary>Writes the state of a stopped machine to a file.</summary>
    /// <exception cref="QmpRefusedException">A device can't be saved; QEMU's words say which.</exception>
    public static async Task SaveAsync(QmpClient monitor, string machineFolder, string file, CancellationToken cancellationToken)
    {
        // In the folder that is ours: the machine's is QEMU's by now.
        using var socket = new ListeningSocket(Path.Combine(RunFolder.OwnFolderOf(machineFolder), MachineFileNames.OutgoingSocket));
        await SetCapabilitiesAsync(monitor, cancellationToken).ConfigureAwait(false);
        Task<string> finished = WaitForEndAsync(monitor, cancellationToken);
        Task<Stream> accepted = socket.AcceptAsync(cancellationToken);
        await monitor
            .ExecuteAsync("migrate", new JsonObject { ["uri"] = $"unix:../{MachineFileNames.OutgoingSocket}" }, cancellationToken)
            .ConfigureAwait(false);
        Stream state = await accepted.ConfigureAwait(false);
        await using (state.ConfigureAwait(false))
        {
            FileStream target = File.Create(file);
            await using (target.ConfigureAwait(false))
                await state.CopyToAsync(target, cancellationToken).ConfigureAwait(false);
        }

        if (await finished.ConfigureAwait(false) == "completed")
            return;
        JsonElement result = await monitor.ExecuteAsync("query-migrate", null, cancellationToken).ConfigureAwait(false);
        throw new QmpRefusedException(result.TryGetText("error-desc") ?? "the state could not be saved");
    }

    /// <summary>
    /// Loads a state into a QEMU that was started with <c>-incoming defer</c>. The guest stands still, as it did when it was saved: a
    /// <c>cont</c> before the state is loaded would be forgotten.
    /// </summary>
    public static async Task LoadAsync(QmpClient monitor, string machineFolder, string file, CancellationToken cancellationToken)
    {
        byte[] state = await File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false);
        Task<string> finished = WaitForEndAsync(monitor, cancellationToken);
        // QEMU takes commands in order, so none waits for the answer to the one before.
        Task capabilities = SetCapabilitiesAsync(monitor, cancellationToken);
        Task listening = monitor.ExecuteAsync(
            "migrate-incoming",
            new JsonObject { ["uri"] = $"unix:{MachineFileNames.IncomingSocket}" },
            cancellationToken
        );
        await Task.WhenAll(capabilities, listening).ConfigureAwait(false);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await QemuFile
            .ConnectAsync(socket, Path.Combine(machineFolder, MachineFileNames.IncomingSocket), cancellationToken)
            .ConfigureAwait(false);
        for (int sent = 0; sent < state.Length; )
            sent += await socket.SendAsync(state.AsMemory(sent), cancellationToken).ConfigureAwait(false);
        if (await finished.ConfigureAwait(false) != "completed")
            throw new QmpRefusedException("the state could not be loaded");
    }

    private static async Task<string> WaitForEndAsync(QmpClient monitor, CancellationToken cancellationToken)
    {
        JsonElement data = await monitor
            .WaitForEventAsync("MIGRATION", data => Status(data) is "completed" or "failed", cancellationToken)
            .ConfigureAwait(false);
        return Status(data);
    }

    private static string Status(JsonElement migration) => migration.TryGetText("status") ?? "";

    private static Task<JsonElement> SetCapabilitiesAsync(QmpClient monitor, CancellationToken cancellationToken) =>
        monitor.ExecuteAsync(
            "migrate-set-capabilities",
            new JsonObject
            {
                ["capabilities"] = new JsonArray(
                    new JsonObject { ["capability"] = "x-ignore-shared", ["state"] = true },
                    new JsonObject { ["capability"] = "events", ["state"] = true }
                ),
            },
            cancellationToken
        );
}
