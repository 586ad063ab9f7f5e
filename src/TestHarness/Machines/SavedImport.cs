using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>
/// Reads a package of a saved machine. The caller says which file it is, by its sum; what is in it is looked at all the same as if anybody
/// had made it.
/// </summary>
internal sealed class SavedImport(string file, IProgress<StartProgress>? progress)
{
    /// <summary>Reads it.</summary>
    /// <param name="sha256">The SHA-256 that the file must have.</param>
    /// <param name="name">The name that it gets, or <see langword="null"/> for its own.</param>
    /// <param name="cancellationToken">Ends it; nothing is kept.</param>
    /// <exception cref="SavedMachineException">It is another file, or no saved machine.</exception>
    public async Task<SavedMachine> ReadAsync(string sha256, string? name, CancellationToken cancellationToken)
    {
        Prerequisites.Require(["qemu-img"]);
        var reader = new PackageReader(
            file,
            SavedManifest.FileName,
            SavedManifest.MaxBytes,
            text => new SavedMachineException(file, text),
            progress
        );
        reader.RequireFile();
        string found = await new PartialFile(file).SumAsync(cancellationToken).ConfigureAwait(false);
        if (!found.Equals(sha256, StringComparison.OrdinalIgnoreCase))
            throw new SavedMachineException(
                file,
                new FailureText($"Package '{file}': it is not the file that was meant.")
                    .Add("SHA-256 wanted", sha256)
                    .Add("SHA-256 found", found)
            );
        using WorkFolder work = WorkFolder.Create(Path.Combine(CacheFolder.Path, "work"), progress);
        SavedManifest manifest = await reader
            .ReadAsync(work.Path, json => Parse(json, reader), one => one.Files, cancellationToken)
            .ConfigureAwait(false);
        RequireSound(manifest, work.Path, reader);
        string kept = name ?? manifest.Note.Name;
        using Template template = await TemplateStore
            .ReplaceAsync(
                SavedStore.KeyOf(kept),
                (folder, finalFolder, token) => TakeAsync(manifest, kept, work.Path, folder, finalFolder, token),
                cancellationToken
            )
            .ConfigureAwait(false);
        return new SavedMachine(template.Saved!);
    }

    private static SavedManifest Parse(byte[] json, PackageReader reader)
    {
        try
        {
            SavedManifest manifest = SavedManifest.Parse(json);
            MachineSpec spec = SavedStore.SpecOf(manifest.Note);
            SpecValidation.Check(spec);
            string? obstacle = SavedExport.FindObstacle(spec)
                ?? (
                    SavedStore.DefinitionOf(spec) == SavedStore.DefinitionOf(SavedExport.Portable(spec))
                        ? null
                        : "it names programs, ports or services of one host"
                );
            if (obstacle is not null || spec.Shares.Count > 0 || spec.DiskFolder is not null)
                throw new InvalidDataException(obstacle ?? "it has folders of one host");
            long memory = spec.MemoryMiB * 1024L * 1024L;
            return manifest.Files.First(one => one.Name == TemplateFiles.Memory).Size == memory
                ? manifest
                : throw new InvalidDataException($"its memory has not the {spec.MemoryMiB} MiB of its description");
        }
        catch (Exception e) when (e is InvalidDataException or ArgumentException)
        {
            throw reader.Refuse($"its {SavedManifest.FileName} is malformed: {e.Message}");
        }
    }

    // Before anything else opens them: what they name is nothing of this host's.
    private static void RequireSound(SavedManifest manifest, string folder, PackageReader reader)
    {
        IEnumerable<(string Name, QcowBacking Backing)> disks = manifest
            .Disks.Select(name => (name, name == MachineFileNames.Overlay ? QcowBacking.One : QcowBacking.None))
            .Concat(manifest.BaseFormat == DiskFormat.Raw ? [] : [(TemplateFiles.BaseDisk, QcowBacking.None)]);
        foreach ((string name, QcowBacking backing) in disks)
        {
            if (QcowHeader.FindFault(Path.Combine(folder, name), backing) is { } fault)
                throw reader.Refuse($"its disk '{name}' can't be used: {fault}");
        }
    }

    private static async Task<MadeTemplate> TakeAsync(
        SavedManifest manifest,
        string name,
        string work,
        string folder,
        string finalFolder,
        CancellationToken cancellationToken
    )
    {
        CacheFolder.Create(Path.Combine(folder, TemplateFiles.Overlays));
        foreach (string file in manifest.Files.Select(one => one.Name))
        {
            string target = Path.Combine(folder, file);
            if (file.StartsWith($"{MachineFileNames.Ssh}/", StringComparison.Ordinal))
                Directory.CreateDirectory(
                    Path.GetDirectoryName(target)!,
                    UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                );
            File.Move(Path.Combine(work, file), target);
            File.SetUnixFileMode(target, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        QemuUser.Give(Path.Combine(folder, TemplateFiles.Memory));
        string[] open = [manifest.BaseName, TemplateFiles.Kernel, TemplateFiles.Initrd];
        foreach (string file in open.Select(one => Path.Combine(folder, one)).Where(File.Exists))
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        string disk = Path.Combine(folder, MachineFileNames.Overlay);
        await SavedDisks
            .RebaseAsync(disk, Path.Combine(folder, manifest.BaseName), manifest.BaseFormat, isSame: true, cancellationToken)
            .ConfigureAwait(false);
        foreach (string one in manifest.Disks)
            await TemplateDisks
                .PrepareOverlayAsync(Path.Combine(folder, one), folder, finalFolder, cancellationToken)
                .ConfigureAwait(false);
        await SavedDisks
            .RebaseAsync(disk, Path.Combine(finalFolder, manifest.BaseName), manifest.BaseFormat, isSame: true, cancellationToken)
            .ConfigureAwait(false);
        return new MadeTemplate
        {
            Saved = manifest.Note with
            {
                Name = name,
                Image = manifest.Note.Image with
                {
                    Folder = finalFolder,
                    DiskPath = Path.Combine(finalFolder, manifest.BaseName),
                    KernelPath = In(TemplateFiles.Kernel),
                    InitrdPath = In(TemplateFiles.Initrd),
                },
            },
        };

        string? In(string file) => File.Exists(Path.Combine(folder, file)) ? Path.Combine(finalFolder, file) : null;
    }
}
