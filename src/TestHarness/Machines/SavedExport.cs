using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>Writes a saved machine as one file for other hosts, with the image that it lies on.</summary>
internal sealed class SavedExport(SavedMachine saved, IProgress<StartProgress>? progress)
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>What of a description is not this host's own.</summary>
    public static MachineSpec Portable(MachineSpec spec) =>
        spec with
        {
            QemuPath = null,
            GuestReaches = [],
            PortForwards = [.. spec.PortForwards.Select(forward => forward with { HostPort = 0 })],
        };

    /// <summary>Says why a description has no meaning on another host, or returns <see langword="null"/>.</summary>
    public static string? FindObstacle(MachineSpec spec) =>
        spec.ExtraQemuArguments.Count > 0 ? "it has arguments for QEMU of its own (ExtraQemuArguments), which may name files of one host"
        : spec.Ssh?.IdentityFile is not null ? "its guest is opened by a key of yours (SshAccess.IdentityFile)"
        : null;

    /// <summary>Writes it; returns the file's SHA-256.</summary>
    /// <param name="file">The file.</param>
    /// <param name="withSecrets">Whether a machine with secrets may be written.</param>
    /// <param name="cancellationToken">Ends it; the file is as it was.</param>
    public async Task<string> WriteAsync(string file, bool withSecrets, CancellationToken cancellationToken)
    {
        Prerequisites.Require(["zstd", "setpriv", "qemu-img"]);
        string? obstacle =
            saved.Note.HasSecrets && !withSecrets
                ? "its description has secrets, and whoever gets the file can read what the guest had of them"
                : FindObstacle(saved.Spec);
        if (obstacle is not null)
            throw new SavedMachineException(
                saved.Name,
                new FailureText($"The saved machine '{saved.Name}' is not exported.")
                    .Add("Reason", obstacle)
                    .Try(saved.Note.HasSecrets ? "--with-secrets (withSecrets: true) where that is meant." : null)
            );
        using Template template = SavedStore.Open(saved.Name);
        using WorkFolder work = WorkFolder.Create(Path.Combine(CacheFolder.Path, "work"), progress);
        GuestImage image = template.Saved!.Image;
        var sources = SavedManifest.NamesIn(template.Folder).ToDictionary(name => name, name => Path.Combine(template.Folder, name));
        if (!sources.ContainsKey(TemplateFiles.BaseDisk) && !sources.ContainsKey(TemplateFiles.RawBaseDisk))
            image = await TakeUserFilesAsync(image, sources, work.Path, cancellationToken).ConfigureAwait(false);
        progress?.Report(new StartProgress($"saved machine {saved.Name}: sums are made"));
        var files = new List<(DescribedFile, string)>();
        foreach ((string name, string path) in sources)
            files.Add((await DescribedFile.OfAsync(path, name, cancellationToken).ConfigureAwait(false), path));
        var manifest = new SavedManifest
        {
            Note = template.Saved with
            {
                Definition = SavedStore.DefinitionOf(Portable(SavedStore.SpecOf(template.Saved))),
                Image = image with { Folder = "", DiskPath = "", KernelPath = null, InitrdPath = null },
                UserFiles = new Dictionary<string, string>(),
            },
            Files = [.. files.Select(one => one.Item1)],
        };
        await new PackageWriter(
            "saved machine",
            saved.Name,
            (text, reason) => new SavedMachineException(saved.Name, text, reason),
            progress
        )
            .WriteAsync(file, (SavedManifest.FileName, manifest.ToJson()), files, Private, cancellationToken)
            .ConfigureAwait(false);
        return await new PartialFile(file).SumAsync(cancellationToken).ConfigureAwait(false);
    }

    // What the library did not build is read where it is, as one file without anything below it.
    private static async Task<GuestImage> TakeUserFilesAsync(
        GuestImage image,
        Dictionary<string, string> sources,
        string work,
        CancellationToken cancellationToken
    )
    {
        string format = BlockNodes.DriverOf(image.BackingFiles.Count == 0 ? image.LowestFormat : DiskFormat.Qcow2),
            flat = Path.Combine(work, TemplateFiles.BaseDisk);
        await QemuImage
            .RunAsync(["convert", "-q", "-f", format, "-O", "qcow2", image.DiskPath, flat], work, cancellationToken)
            .ConfigureAwait(false);
        sources[TemplateFiles.BaseDisk] = flat;
        if (image.KernelPath is { } kernel)
            sources[TemplateFiles.Kernel] = kernel;
        if (image.InitrdPath is { } initrd)
            sources[TemplateFiles.Initrd] = initrd;
        return image with { LowestFormat = DiskFormat.Qcow2, BackingFiles = [] };
    }
}
