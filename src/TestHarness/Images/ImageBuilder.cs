using TestHarness.Errors;

namespace TestHarness.Images;

/// <summary>
/// Makes an image from a recipe: packages, kernel and initramfs, the recipe's own files, the disk. Needs no loop device and no root.
/// </summary>
internal sealed class ImageBuilder(string image, Recipe recipe, RecipeSource source, BuildFolder folder)
{
    private readonly GuestTree _tree = new(image, recipe, source, folder);

    private string Result => Path.Combine(folder.Path, "image");

    /// <summary>Builds into the folder <c>image</c> of the build folder; returns it.</summary>
    public async Task<string> BuildAsync(CancellationToken cancellationToken)
    {
        // Closed until its files are read-only, whatever the umask.
        Directory.CreateDirectory(Result, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await InstallPackagesAsync(cancellationToken).ConfigureAwait(false);
        await MakeKernelAsync(cancellationToken).ConfigureAwait(false);
        await _tree.ThinOutAsync(cancellationToken).ConfigureAwait(false);
        await _tree.AddFilesAsync(cancellationToken).ConfigureAwait(false);
        await _tree.RunCommandsAsync(cancellationToken).ConfigureAwait(false);
        await MakeDiskAsync(cancellationToken).ConfigureAwait(false);
        return Result;
    }

    private async Task InstallPackagesAsync(CancellationToken cancellationToken)
    {
        folder.Report("package sources");
        HostPackages host = await HostPackages.FindAsync(image, recipe, cancellationToken).ConfigureAwait(false);
        string[] packages = [.. recipe.Packages.Append(recipe.Kernel.Package).Append("busybox-static").Distinct(StringComparer.Ordinal)];
        string[] arguments =
        [
            "--verbose",
            "--mode=root",
            "--format=directory",
            $"--variant={(recipe.Variant == RecipeVariant.Extract ? "extract" : "minbase")}",
            $"--architectures={recipe.Architecture}",
            $"--include={string.Join(',', packages)}",
            .. host.Transport.Select(option => $"--aptopt={option}"),
            $"--extract-hook=ls \"$1\"/var/cache/apt/archives > {BuildFolder.Inside}/archives",
            recipe.Suite,
            $"{BuildFolder.Inside}/tree",
            .. host.Sources,
        ];
        await folder.RunInsideAsync("packages", "mmdebstrap", arguments, cancellationToken).ConfigureAwait(false);

        IReadOnlyList<string> installed =
            recipe.Variant == RecipeVariant.Extract
                ? InstalledPackages.FromArchives(
                    await File.ReadAllLinesAsync(Path.Combine(folder.Path, "archives"), cancellationToken).ConfigureAwait(false)
                )
                : InstalledPackages.FromStatus(
                    await File.ReadAllTextAsync(Path.Combine(folder.Tree, "var/lib/dpkg/status"), cancellationToken).ConfigureAwait(false)
                );
        await File.WriteAllTextAsync(
                Path.Combine(Result, "packages.txt"),
                string.Concat(installed.Select(package => $"{package}\n")),
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private async Task MakeKernelAsync(CancellationToken cancellationToken)
    {
        const string Step = "kernel";
        string modulesFolder = Path.Combine(folder.Tree, TreePath.Resolve(folder.Tree, "/lib/modules/."));
        string[] versions = Directory.Exists(modulesFolder)
            ? [.. Directory.GetDirectories(modulesFolder).Select(path => Path.GetFileName(path))]
            : [];
        if (versions.Length != 1)
            throw Failure(
                Step,
                $"the package {recipe.Kernel.Package} brings {versions.Length} kernels, not 1: {string.Join(", ", versions)}"
            );
        string version = versions[0];
        string modules = Path.Combine(modulesFolder, version);

        await folder.RunInsideAsync(Step, "chroot", ["tree", "depmod", version], cancellationToken).ConfigureAwait(false);
        var dependencies = ModuleDependencies.Parse(
            await File.ReadAllTextAsync(Path.Combine(modules, "modules.dep"), cancellationToken).ConfigureAwait(false)
        );
        IReadOnlyList<string> early = dependencies.InLoadOrder(recipe.Kernel.Modules, out IReadOnlyList<string> unknown);
        if (unknown.Count > 0)
            throw Failure(Step, $"$.kernel.modules: {recipe.Kernel.Package} {version} has no module {string.Join(", ", unknown)}");

        byte[] busybox = await File.ReadAllBytesAsync(
                Path.Combine(folder.Tree, TreePath.Resolve(folder.Tree, "/bin/busybox")),
                cancellationToken
            )
            .ConfigureAwait(false);
        using (FileStream initrd = File.Create(Path.Combine(Result, "initrd")))
            Initramfs.Write(initrd, busybox, [.. early.Select(module => Path.Combine(modules, module))]);
        await UnpackKernelAsync(Path.Combine(folder.Tree, $"boot/vmlinuz-{version}"), cancellationToken).ConfigureAwait(false);

        if (recipe.Kernel.KeepModules is not { } keep)
            return;
        IReadOnlyList<string> kept = dependencies.InLoadOrder([.. keep, .. recipe.Kernel.Modules], out unknown);
        if (unknown.Count > 0)
            throw Failure(Step, $"$.kernel.keepModules: {recipe.Kernel.Package} {version} has no module {string.Join(", ", unknown)}");
        var keptFiles = kept.ToHashSet(StringComparer.Ordinal);
        IEnumerable<string> superfluous = Directory
            .EnumerateFiles(modules, "*.ko*", SearchOption.AllDirectories)
            .Where(file => !keptFiles.Contains(Path.GetRelativePath(modules, file)))
            .Select(file => $"/{Path.GetRelativePath(folder.Tree, file)}");
        await _tree.DeleteAsync(Step, superfluous, cancellationToken).ConfigureAwait(false);
        await folder.RunInsideAsync(Step, "chroot", ["tree", "depmod", version], cancellationToken).ConfigureAwait(false);
    }

    private async Task UnpackKernelAsync(string file, CancellationToken cancellationToken)
    {
        const string Step = "kernel";
        try
        {
            (ReadOnlyMemory<byte> payload, string[] command) = KernelImage.FindPayload(
                await File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false)
            );
            await File.WriteAllBytesAsync(Path.Combine(folder.Path, "payload"), payload, cancellationToken).ConfigureAwait(false);
            await folder
                .RunAsync(Step, "sh", ["-c", "exec \"$@\" < payload > image/vmlinux", "sh", .. command], cancellationToken)
                .ConfigureAwait(false);
            byte[] start = new byte[4];
            using FileStream kernel = File.OpenRead(Path.Combine(Result, "vmlinux"));
            if (
                await kernel.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false)
                    < start.Length
                || !KernelImage.IsElf(start)
            )
                throw new InvalidDataException("what it unpacks to is not an ELF file");
        }
        catch (InvalidDataException e)
        {
            throw Failure(Step, $"{Path.GetFileName(file)} was not unpacked: {e.Message}");
        }
    }

    private async Task MakeDiskAsync(CancellationToken cancellationToken)
    {
        const string Step = "disk";
        // Initialised here, so that the guest spends no time on it; the image stores no zeros.
        string[] arguments =
        [
            "-q",
            "-t",
            "ext4",
            "-L",
            recipe.Disk.Label,
            "-m",
            "1",
            "-E",
            "lazy_itable_init=0,lazy_journal_init=0",
            "-d",
            "tree",
            "disk.raw",
            $"{recipe.Disk.SizeMiB}M",
        ];
        await folder.RunInsideAsync(Step, "mke2fs", arguments, cancellationToken).ConfigureAwait(false);
        string[] compression = recipe.Disk.Compressed ? ["-c"] : [];
        await folder
            .RunAsync(
                Step,
                "qemu-img",
                ["convert", "-f", "raw", "-O", "qcow2", .. compression, "disk.raw", "image/disk.qcow2"],
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private ImageException Failure(string step, string reason) =>
        new(image, new FailureText($"Image '{image}': the step '{step}' failed.").Add("Recipe", source.File).Add("Reason", reason));
}
