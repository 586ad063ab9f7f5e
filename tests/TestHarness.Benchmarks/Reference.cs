using System.Text.Json;

namespace TestHarness.Benchmarks;

/// <summary>What it takes to start one of our machines by hand.</summary>
/// <param name="CommandLine">The machine's own.</param>
/// <param name="MakeDisk">A shell command that makes the overlay.</param>
/// <param name="State">The file to restore from, or <see langword="null"/> to boot.</param>
/// <param name="Ready">The command that ends when the booted guest is ready.</param>
public sealed record Reference(string CommandLine, string MakeDisk, string? State, string? Ready)
{
    /// <summary>Takes it from a running machine.</summary>
    /// <param name="vm">The machine.</param>
    /// <returns>The reference.</returns>
    public static async Task<Reference> OfAsync(VirtualMachine vm)
    {
        string commandLine = (await vm.CollectEvidenceAsync()).CommandLine;
        if (vm.IsWarm)
        {
            string template = Folder(commandLine, "/memory");
            return new Reference(commandLine, $"cp '{template}/overlays/disk.qcow2' . && chmod u+w disk.qcow2", $"{template}/state", null);
        }

        string image = Folder(commandLine, "/vmlinux");
        using JsonDocument description = JsonDocument.Parse(await File.ReadAllBytesAsync($"{image}/image.json"));
        string? ready = description.RootElement.TryGetProperty("ready", out JsonElement text) ? text.GetString() : null;
        return new Reference(commandLine, $"qemu-img create -q -f qcow2 -F qcow2 -b '{image}/disk.qcow2' disk.qcow2", null, ready);
    }

    // The folder of a file whose path is in the command line.
    private static string Folder(string commandLine, string file)
    {
        int end = commandLine.IndexOf(file, StringComparison.Ordinal);
        return commandLine[(commandLine.LastIndexOfAny([' ', '"'], end) + 1)..end];
    }
}
