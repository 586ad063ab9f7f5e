using System.Text.Json.Nodes;

namespace TestHarness.Qemu;

/// <summary>
/// Block nodes, as QEMU's <c>-blockdev</c> takes them (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html, BlockdevOptions).
/// </summary>
internal static class BlockNodes
{
    /// <summary>QEMU's name of a format.</summary>
    public static string DriverOf(DiskFormat format) => format == DiskFormat.Raw ? "raw" : "qcow2";

    /// <summary>A file and its format, which is said, for QEMU would guess it from what is in the file.</summary>
    public static JsonObject Image(FileIo io, string path, bool readOnly, DiskFormat format = DiskFormat.Qcow2)
    {
        JsonObject file = new()
        {
            ["driver"] = "file",
            ["filename"] = path,
            ["read-only"] = readOnly,
        };
        if (io.Aio is { } aio)
            file["aio"] = aio;
        return new JsonObject
        {
            ["driver"] = DriverOf(format),
            ["read-only"] = readOnly,
            ["file"] = file,
        };
    }

    /// <summary>
    /// An overlay and what it lies on. The chain is named here, so that the backing files in the headers are not what QEMU goes by.
    /// </summary>
    public static JsonObject Overlay(FileIo io, string overlay, IReadOnlyList<string> backing, DiskFormat lowestFormat = DiskFormat.Qcow2)
    {
        JsonObject top = Image(io, overlay, readOnly: false),
            lowest = top;
        for (int i = 0; i < backing.Count; i++)
        {
            JsonObject next = Image(io, backing[i], readOnly: true, i == backing.Count - 1 ? lowestFormat : DiskFormat.Qcow2);
            lowest["backing"] = next;
            lowest = next;
        }

        // Said, for without it QEMU would go by what the lowest one's header names. A raw disk has no header.
        if (lowestFormat == DiskFormat.Qcow2)
            lowest["backing"] = null;
        return top;
    }

    /// <summary>What of the template and its layers a disk lies on that is the machine's own from the start.</summary>
    public static string[] OfTemplate(BootFiles boot, string file) => [.. boot.Templates.Select(folder => Path.Combine(folder, file))];
}
