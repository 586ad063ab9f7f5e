using TestHarness.Errors;

namespace TestHarness.Evidence;

/// <summary>
/// The files of a machine's evidence. Its folder is for the user only: a guest's logs and memory are nobody else's business.
/// </summary>
internal static class EvidenceBundle
{
    /// <summary>Where files of the guest go.</summary>
    public const string GuestFiles = "files";

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static void MakeFolder(string folder) => Directory.CreateDirectory(folder, Private);

    public static async Task WriteAsync(MachineEvidence evidence, string folder, CancellationToken cancellationToken)
    {
        MakeFolder(folder);
        BundleFolders.MarkRun(folder);
        await TextAsync("events.jsonl", evidence.Timeline).ConfigureAwait(false);
        await TextAsync("serial.log", evidence.SerialLog).ConfigureAwait(false);
        await TextAsync("qemu-stderr.txt", evidence.StandardError).ConfigureAwait(false);
        await TextAsync(BundleFiles.CommandLine, evidence.CommandLine).ConfigureAwait(false);
        await TextAsync(BundleFiles.ReproScript, evidence.ReproScript).ConfigureAwait(false);
        File.SetUnixFileMode(Path.Combine(folder, BundleFiles.ReproScript), Private);
        foreach ((string name, string log) in evidence.SerialPorts)
            await TextAsync($"serial-{name}.log", log).ConfigureAwait(false);
        if (evidence.Journal is { } journal)
            await TextAsync("journal.txt", journal).ConfigureAwait(false);
        if (evidence.Notes.Count > 0)
            await TextAsync("notes.txt", string.Concat(evidence.Notes.Select(note => $"{note}\n"))).ConfigureAwait(false);
        if (evidence.Screenshot is { } screen)
            await screen.SaveAsync(Path.Combine(folder, "screen.png"), cancellationToken).ConfigureAwait(false);
        foreach ((int index, Screenshot frame) in evidence.Frames.Index())
            await frame.SaveAsync(Path.Combine(folder, "frames", $"{index + 1}.png"), cancellationToken).ConfigureAwait(false);

        Task TextAsync(string name, string text) => File.WriteAllTextAsync(Path.Combine(folder, name), text, cancellationToken);
    }
}
