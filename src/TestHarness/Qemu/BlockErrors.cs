using System.Text.Json;

namespace TestHarness.Qemu;

/// <summary>
/// Says what an event of QEMU's block layer means for the machine (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html,
/// BLOCK_IO_ERROR and BLOCK_IMAGE_CORRUPTED). Pure.
/// </summary>
internal static class BlockErrors
{
    private const int LongestText = 300;

    // EFBIG: the limit on the size of files (setrlimit(2), RLIMIT_FSIZE).
    private const string BeyondLimit = "File too large";

    /// <summary>
    /// Says how the host's disk has failed the machine. <see langword="null"/> where QEMU told the guest, whose own affair it is then: the
    /// library's own disks have their machine stopped, so such an error was wanted.
    /// </summary>
    /// <param name="name">The event.</param>
    /// <param name="data">Its data, as it came.</param>
    /// <param name="folder">Where the machine's disks are.</param>
    /// <param name="lower">What these lie on, which is read, too.</param>
    public static (MachineFault Fault, string Text)? Describe(string name, JsonElement data, string folder, string lower) =>
        name switch
        {
            "BLOCK_IO_ERROR" when Text(data, "action") == "stop" => Describe(data, folder, lower),
            "BLOCK_IMAGE_CORRUPTED" => (
                MachineFault.HostDiskFailed,
                $"the disk {Node(data)} at {folder} is damaged: {Text(data, "msg") ?? "QEMU does not say how"}"
            ),
            _ => null,
        };

    // QEMU stops the machine (werror=stop, rerror=stop), and waits for somebody to mend the disk: nobody will.
    private static (MachineFault Fault, string Text) Describe(JsonElement data, string folder, string lower)
    {
        string reason = Text(data, "reason") ?? "no reason";
        if ((data.TryGetProperty("nospace", out JsonElement full) && full.ValueKind == JsonValueKind.True) || reason == BeyondLimit)
        {
            string limit = reason == BeyondLimit ? $" ({BeyondLimit})" : "";
            return (
                MachineFault.HostDiskFull,
                $"host disk full at {folder}: there was no room for what the guest wrote to {Node(data)}{limit}, so QEMU stopped "
                    + "the machine"
            );
        }

        string operation = Text(data, "operation") ?? "access",
            place = operation == "read" && lower.Length > 0 ? $"{folder}, on {lower}" : folder;
        return (
            MachineFault.HostDiskFailed,
            $"host disk failed at {place}: the guest's {operation} of {Node(data)} ended with \"{reason}\", so QEMU stopped the machine"
        );
    }

    private static string Node(JsonElement data) => Text(data, "node-name") ?? Text(data, "device") ?? "a disk";

    private static string? Text(JsonElement data, string member) =>
        data.ValueKind == JsonValueKind.Object
        && data.TryGetProperty(member, out JsonElement value)
        && value.ValueKind == JsonValueKind.String
        && value.GetString() is { Length: > 0 } text
            ? text.Length <= LongestText
                ? text
                : text[..LongestText]
            : null;
}
