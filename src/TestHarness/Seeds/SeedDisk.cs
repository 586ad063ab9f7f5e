using TestHarness.Hosts;

namespace TestHarness.Seeds;

/// <summary>Makes the disk that cloud-init reads: an ISO file system with the label <c>CIDATA</c>.</summary>
internal static class SeedDisk
{
    public const string Program = "xorriso";

    private const string Content = "seed";

    /// <summary>The programs of the host that a machine needs for it, as far as they are known before its image is.</summary>
    public static IReadOnlyList<string> ProgramsFor(MachineSpec spec) =>
        spec.CloudInit is null && spec.GuestAccess != GuestAccess.Ssh ? [] : [Program];

    public static async Task CreateAsync(CloudSeed seed, SshFiles? keys, string folder, CancellationToken cancellationToken)
    {
        string content = Path.Combine(folder, Content),
            disk = Path.Combine(folder, MachineFileNames.Seed);
        RunFolder.Guard(folder, () =>
        {
            Directory.CreateDirectory(content);
            foreach ((string name, string text) in seed.Files(seed.UserData(keys)))
                File.WriteAllText(Path.Combine(content, name), text);
            return true;
        });
        string[] arguments = [.. Arguments(disk, content)];
        HelperResult result = await HelperProgram.RunAsync(Program, arguments, null, cancellationToken).ConfigureAwait(false);
        FolderRemoval.Remove(content);
        if (result.ExitCode != 0)
            throw RunFolder.NotUsable(folder, $"{Program} could not make the cloud-init disk: {result.StandardError}", null);
        // There may be secrets in it.
        File.SetUnixFileMode(disk, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        QemuUser.Give(disk);
    }

    /// <summary>The arguments for the program.</summary>
    public static IReadOnlyList<string> Arguments(string disk, string content) =>
        ["-as", "mkisofs", "-quiet", "-volid", "CIDATA", "-joliet", "-rational-rock", "-output", disk, content];
}
