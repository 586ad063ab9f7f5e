using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>
/// Saves a machine's processor and device state and loads it, over a unix socket that this process is at the other end of: QEMU's sandbox forbids it to start the
/// program that <c>exec:</c> would need. The memory stays in its file (<c>x-ignore-shared</c>; since QEMU 4.0, still marked unstable).
/// </summary>
internal static class Migration
{
    private const string OutgoingSocket = "outgoing.sock";
    private const string IncomingSocket = "incoming.sock";

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(1);

    /// <summary>Writes the state of a stopped machine to a file.</summary>
    /// <exception cref="QmpException">A device can't be saved; QEMU's words say which.</exception>
    public static async Task SaveAsync(QmpClient monitor, string machineFolder, string file, CancellationToken cancellationToken)
    {
        using var socket = new ListeningSocket(Path.Combine(machineFolder, OutgoingSocket));
        await KeepMemoryInFileAsync(monitor, cancellationToken).ConfigureAwait(false);
        Task<Stream> accepted = socket.AcceptAsync(cancellationToken);
        await monitor.ExecuteAsync("migrate", new JsonObject { ["uri"] = $"unix:{OutgoingSocket}" }, cancellationToken).ConfigureAwait(false);
        Stream state = await accepted.ConfigureAwait(false);
        await using (state.ConfigureAwait(false))
        {
            FileStream target = File.Create(file);
            await using (target.ConfigureAwait(false))
                await state.CopyToAsync(target, cancellationToken).ConfigureAwait(false);
        }

        await WaitForEndAsync(monitor, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Loads a state into a QEMU that was started with <c>-incoming defer</c>; the guest goes on at once.</summary>
    public static async Task LoadAsync(QmpClient monitor, string machineFolder, string file, CancellationToken cancellationToken)
    {
        byte[] state = await File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false);
        // QEMU takes commands in order, so none waits for the answer to the one before.
        Task memory = KeepMemoryInFileAsync(monitor, cancellationToken);
        Task listening = monitor.ExecuteAsync("migrate-incoming", new JsonObject { ["uri"] = $"unix:{IncomingSocket}" }, cancellationToken);
        await Task.WhenAll(memory, listening).ConfigureAwait(false);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(machineFolder, IncomingSocket)), cancellationToken).ConfigureAwait(false);
        for (int sent = 0; sent < state.Length;)
            sent += await socket.SendAsync(state.AsMemory(sent), cancellationToken).ConfigureAwait(false);
    }

    private static Task<JsonElement> KeepMemoryInFileAsync(QmpClient monitor, CancellationToken cancellationToken) => monitor.ExecuteAsync(
        "migrate-set-capabilities",
        new JsonObject
        {
            ["capabilities"] = new JsonArray(new JsonObject { ["capability"] = "x-ignore-shared", ["state"] = true }),
        },
        cancellationToken);

    // The stream has ended; QEMU is about to say so.
    private static async Task WaitForEndAsync(QmpClient monitor, CancellationToken cancellationToken)
    {
        while (true)
        {
            JsonElement status = await monitor.ExecuteAsync("query-migrate", null, cancellationToken).ConfigureAwait(false);
            switch (status.TryGetProperty("status", out JsonElement text) ? text.GetString() : null)
            {
                case "completed":
                    return;
                case "failed" or "cancelled":
                    throw new QmpException(status.TryGetProperty("error-desc", out JsonElement reason) ? reason.GetString() ?? "" : "the state could not be saved");
            }

            await Task.Delay(Poll, cancellationToken).ConfigureAwait(false);
        }
    }
}
