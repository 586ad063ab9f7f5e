using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>
/// Saves a machine's processor and device state and loads it, over a unix socket that this process is at the other end of: QEMU's sandbox
/// forbids it to start the program that <c>exec:</c> would need. Memory that is in a file stays there (<c>x-ignore-shared</c>; since QEMU
/// 4.0, still marked unstable).
/// </summary>
internal static class Migration
{
    private const int BlockSize = 1024 * 1024;

    // Its default is made for networks: 128 MiB a second.
    private const long Unbounded = 1L << 40;

    /// <summary>Writes the state of a stopped machine to a file; its memory is in one of its own.</summary>
    /// <exception cref="QmpRefusedException">A device can't be saved; QEMU's words say which.</exception>
    public static async Task SaveAsync(QmpClient monitor, string machineFolder, string file, CancellationToken cancellationToken)
    {
        FileStream target = File.Create(file);
        await using (target.ConfigureAwait(false))
            await SendAsync(
                    monitor,
                    machineFolder,
                    withMemory: false,
                    state => state.CopyToAsync(target, BlockSize, cancellationToken),
                    cancellationToken
                )
                .ConfigureAwait(false);
    }

    /// <summary>
    /// Loads a state into a QEMU that was started with <c>-incoming defer</c>. The guest stands still, as it did when it was saved: a
    /// <c>cont</c> before the state is loaded would be forgotten.
    /// </summary>
    /// <exception cref="QmpRefusedException">QEMU does not take it.</exception>
    public static async Task LoadAsync(QmpClient monitor, string machineFolder, string file, CancellationToken cancellationToken)
    {
        using var state = new MemoryStream(await File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false));
        await ReceiveAsync(
                monitor,
                machineFolder,
                withMemory: false,
                socket => state.CopyToAsync(socket, cancellationToken),
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Copies a stopped machine, memory and all, into a QEMU that was started with <c>-incoming defer</c>, whose memory is in a file that
    /// is empty.
    /// </summary>
    /// <exception cref="QmpRefusedException">A device can't be saved; QEMU's words say which.</exception>
    public static async Task CopyAsync(
        QmpClient source,
        string sourceFolder,
        QmpClient target,
        string targetFolder,
        MemoryFile memory,
        CancellationToken cancellationToken
    )
    {
        using SafeFileHandle file = File.OpenHandle(memory.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        var tap = new MemoryTap(file, RandomAccess.GetLength(file));
        await ReceiveAsync(
                target,
                targetFolder,
                withMemory: true,
                socket =>
                    SendAsync(
                        source,
                        sourceFolder,
                        withMemory: true,
                        state => tap.CopyAsync(state, socket, cancellationToken),
                        cancellationToken
                    ),
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Says that what is saved from now on has the memory in it, as an internal snapshot must: it would leave out memory that is in a file
    /// of the machine's own.
    /// </summary>
    public static Task IncludeMemoryAsync(QmpClient monitor, CancellationToken cancellationToken) =>
        SetCapabilitiesAsync(monitor, withMemory: true, cancellationToken);

    private static async Task SendAsync(
        QmpClient monitor,
        string machineFolder,
        bool withMemory,
        Func<Stream, Task> take,
        CancellationToken cancellationToken
    )
    {
        // In the folder that is ours: the machine's is QEMU's by now.
        using var socket = new ListeningSocket(Path.Combine(RunFolder.OwnFolderOf(machineFolder), MachineFileNames.OutgoingSocket));
        await SetCapabilitiesAsync(monitor, withMemory, cancellationToken).ConfigureAwait(false);
        if (withMemory)
            await monitor
                .ExecuteAsync("migrate-set-parameters", new JsonObject { ["max-bandwidth"] = Unbounded }, cancellationToken)
                .ConfigureAwait(false);
        Task<string> finished = WaitForEndAsync(monitor, cancellationToken);
        Task<Stream> accepted = socket.AcceptAsync(cancellationToken);
        await monitor
            .ExecuteAsync("migrate", new JsonObject { ["uri"] = $"unix:../{MachineFileNames.OutgoingSocket}" }, cancellationToken)
            .ConfigureAwait(false);
        Stream state = await accepted.ConfigureAwait(false);
        await using (state.ConfigureAwait(false))
            await take(state).ConfigureAwait(false);
        if (await finished.ConfigureAwait(false) == "completed")
            return;
        JsonElement result = await monitor.ExecuteAsync("query-migrate", null, cancellationToken).ConfigureAwait(false);
        throw new QmpRefusedException(result.TryGetText("error-desc") ?? "the state could not be saved");
    }

    private static async Task ReceiveAsync(
        QmpClient monitor,
        string machineFolder,
        bool withMemory,
        Func<Stream, Task> send,
        CancellationToken cancellationToken
    )
    {
        Task<string> finished = WaitForEndAsync(monitor, cancellationToken);
        // QEMU takes commands in order, so none waits for the answer to the one before.
        Task capabilities = SetCapabilitiesAsync(monitor, withMemory, cancellationToken);
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
        var stream = new NetworkStream(socket);
        await using (stream.ConfigureAwait(false))
            await send(stream).ConfigureAwait(false);
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

    private static Task<JsonElement> SetCapabilitiesAsync(QmpClient monitor, bool withMemory, CancellationToken cancellationToken) =>
        monitor.ExecuteAsync(
            "migrate-set-capabilities",
            new JsonObject
            {
                ["capabilities"] = new JsonArray(
                    new JsonObject { ["capability"] = "x-ignore-shared", ["state"] = !withMemory },
                    new JsonObject { ["capability"] = "events", ["state"] = true }
                ),
            },
            cancellationToken
        );
}
