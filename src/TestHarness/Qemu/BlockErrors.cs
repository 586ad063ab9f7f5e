using System.Text.Json;

namespace TestHarness.Qemu;

/// <summary>
/// Says what an event of QEMU's block layer means for the machine (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html, BLOCK_IO_ERROR and
/// BLOCK_IMAGE_CORRUPTED). Pure.
/// </summary>
internal static class BlockErrors
{
    private const int LongestText = 300;

    // EFBIG: the limit on the size of files (setrlimit(2), RLIMIT_FSIZE). QEMU stops the machine for some of these writes, as for a full disk; others it tells the guest.
    private const string BeyondLimit = "File too large";

    /// <summary>Returns a sentence where the host's disk has failed the machine, or <see langword="null"/>: where QEMU told the guest, whose own affair it is then, but for a limit on the size of files, of which no guest can know.</summary>
    /// <param name="name">The event.</param>
    /// <param name="data">Its data, as it came.</param>
    /// <param name="folder">Where the machine's disks are.</param>
    public static string? Describe(string name, JsonElement data, string folder) => name switch
    {
        "BLOCK_IO_ERROR" when Text(data, "action") == "stop" => Describe(data, folder),
        "BLOCK_IO_ERROR" when Text(data, "action") == "report" && Text(data, "reason") == BeyondLimit =>
            $"host disk full at {folder}: there was no room for what the guest wrote to {Node(data)} ({BeyondLimit}), which QEMU told the guest as a fault of its disk",
        "BLOCK_IMAGE_CORRUPTED" => $"the disk {Node(data)} at {folder} is damaged: {Text(data, "msg") ?? "QEMU does not say how"}",
        _ => null,
    };

    // QEMU stops a machine whose write finds no room (werror=enospc, its default), and waits for somebody to make some: nobody will.
    private static string Describe(JsonElement data, string folder) =>
        data.TryGetProperty("nospace", out JsonElement full) && full.ValueKind == JsonValueKind.True
            ? $"host disk full at {folder}: there was no room for what the guest wrote to {Node(data)}, so QEMU stopped the machine"
            : $"host disk failed at {folder}: the guest's {Text(data, "operation") ?? "access"} of {Node(data)} ended with \"{Text(data, "reason") ?? "no reason"}\", so QEMU stopped the machine";

    private static string Node(JsonElement data) =>
        Text(data, "node-name") ?? Text(data, "device") ?? "a disk";

    private static string? Text(JsonElement data, string member) =>
        data.ValueKind == JsonValueKind.Object && data.TryGetProperty(member, out JsonElement value) && value.ValueKind == JsonValueKind.String
            && value.GetString() is { Length: > 0 } text
            ? text.Length <= LongestText ? text : text[..LongestText]
            : null;
}
