using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Machines;
using TestHarness.Qemu;
using TestHarness.Specs;
using TestHarness.Templates;

namespace TestHarness;

/// <summary>
/// A machine that was kept as it was at a moment (<see cref="VirtualMachine.SaveAsync(string, CancellationToken)"/>). It lies in the
/// library's cache until it is deleted, depends on nothing else there, and any number of machines go on from it.
/// </summary>
public sealed record SavedMachine
{
    private readonly SavedNote _note;

    // Why its description can't be read, where another version of the library has written it.
    private readonly string? _unreadable;

    internal SavedMachine(SavedNote note)
    {
        _note = note;
        try
        {
            Spec = SavedStore.SpecOf(note);
        }
        catch (ArgumentException e)
        {
            _unreadable = $"this version of the library can't read what it is: {e.Message.ReplaceLineEndings(" ")}";
            Spec = new MachineSpec { Image = note.Image.Name };
        }
    }

    /// <summary>Gets its name.</summary>
    public string Name => _note.Name;

    /// <summary>
    /// Gets what machines that go on from it are described as. <c>with</c> gives a machine other <see cref="MachineSpec.PortForwards"/>,
    /// <see cref="MachineSpec.GuestReaches"/>, <see cref="MachineSpec.Hostname"/>, <see cref="MachineSpec.Secrets"/>,
    /// <see cref="MachineSpec.CollectOnFailure"/>, <see cref="MachineSpec.Forkable"/> or limits; all else is in what was saved.
    /// </summary>
    public MachineSpec Spec { get; init; }

    /// <summary>Gets when it was saved.</summary>
    public DateTimeOffset Saved => _note.Saved;

    /// <summary>Gets the room that it takes on the host, in bytes; what it shares with its image counts.</summary>
    public long Bytes =>
        Directory.Exists(Folder) ? Directory.GetFiles(Folder, "*", SearchOption.AllDirectories).Sum(Native.AllocatedBytes) : 0;

    internal SavedNote Note => _note;

    internal string Folder => SavedStore.FolderOf(Name);

    /// <summary>Finds all saved machines of this user, by their names.</summary>
    /// <returns>The saved machines.</returns>
    public static IReadOnlyList<SavedMachine> All() => [.. SavedStore.All().Select(note => new SavedMachine(note))];

    /// <summary>Finds a saved machine.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The saved machine, or <see langword="null"/> where there is none of that name.</returns>
    public static SavedMachine? Find(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return SavedStore.Find(name) is { } note ? new SavedMachine(note) : null;
    }

    /// <summary>Deletes it.</summary>
    /// <exception cref="SavedMachineException">Machines run on it.</exception>
    public void Delete()
    {
        if (SavedStore.Find(Name) is not null && !(TemplateEviction.TryRemoveAbove(Folder) && TemplateEviction.TryRemove(Folder)))
            throw new SavedMachineException(
                Name,
                new FailureText($"The saved machine '{Name}' can't be deleted: machines run on it, or it is another user's.")
                    .Add("Folder", Folder)
                    .Try("end those machines first.")
            );
    }

    /// <summary>
    /// Says why no machine can go on from it on this host, or returns <see langword="null"/>: the version of QEMU, the processor, the
    /// accelerator, a file of yours that it lies on, or a description that another version of the library wrote.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The reason.</returns>
    public async Task<string?> FindObstacleAsync(CancellationToken cancellationToken = default)
    {
        if (_unreadable is not null)
            return _unreadable;
        try
        {
            string program = Prerequisites.Find(Spec.QemuPath ?? Board.Of(Spec).Program);
            SavedHost here = await SavedHost.OfAsync(program, _note.Host.Accelerator, cancellationToken).ConfigureAwait(false);
            return _note.Host.FindObstacle(here) ?? SavedStore.FindChange(_note);
        }
        catch (HostNotReadyException e)
        {
            return e.Summary;
        }
    }

    /// <summary>
    /// Writes it as one file, from which another host's machines go on: memory, disks and the image that they lie on, packed by zstd. What
    /// is this host's own is left out: <see cref="MachineSpec.QemuPath"/>, <see cref="MachineSpec.GuestReaches"/>, ports of the host.
    /// </summary>
    /// <param name="file">The file, which its owner alone may read; one that is there is replaced.</param>
    /// <param name="withSecrets">Whether a machine whose description has <see cref="MachineSpec.Secrets"/> may be written. Whoever gets the
    /// file can read what the guest had of them. Default: it is refused.</param>
    /// <param name="progress">Told each step. Default: nobody.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The file's SHA-256, which an import asks for.</returns>
    /// <exception cref="SavedMachineException">It has secrets, or what has no meaning elsewhere; its description can't be read; or the file
    /// can't be written.</exception>
    public Task<string> ExportAsync(
        string file,
        bool withSecrets = false,
        IProgress<StartProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        return _unreadable is not null
            ? throw new SavedMachineException(
                Name,
                new FailureText($"The saved machine '{Name}' is not exported.").Add("Reason", _unreadable)
            )
            : new SavedExport(this, progress).WriteAsync(file, withSecrets, cancellationToken);
    }

    /// <summary>Reads a saved machine that was exported.</summary>
    /// <param name="file">The file.</param>
    /// <param name="sha256">The SHA-256 that it must have, in hexadecimal: what <see cref="ExportAsync"/> returned. It is what makes the
    /// file one that is trusted: a machine's memory can't be looked through.</param>
    /// <param name="name">The name that it gets; one that is there is replaced. Default: <see langword="null"/>, its own.</param>
    /// <param name="progress">Told each step. Default: nobody.</param>
    /// <param name="cancellationToken">Ends it; nothing is kept.</param>
    /// <returns>The saved machine; <see cref="FindObstacleAsync"/> says whether it can run here.</returns>
    /// <exception cref="ArgumentException">That is no name.</exception>
    /// <exception cref="SavedMachineException">It is another file, or no saved machine.</exception>
    /// <exception cref="HostNotReadyException">It can't be written.</exception>
    public static Task<SavedMachine> ImportAsync(
        string file,
        string sha256,
        string? name = null,
        IProgress<StartProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        ArgumentException.ThrowIfNullOrEmpty(sha256);
        if (name is not null)
            SavedStore.RequireName(name);
        return new SavedImport(file, progress).ReadAsync(sha256, name, cancellationToken);
    }

    /// <summary>Describes a machine that goes on from it.</summary>
    /// <exception cref="ArgumentException">The description was changed in what was saved.</exception>
    /// <exception cref="SavedMachineException">It can't run here, or is not there any more.</exception>
    internal async Task<VirtualMachine> DescribeAsync(CancellationToken cancellationToken)
    {
        if (await FindObstacleAsync(cancellationToken).ConfigureAwait(false) is { } obstacle)
            throw new SavedMachineException(
                Name,
                new FailureText($"The saved machine '{Name}' can't go on on this host.")
                    .Add("Reason", obstacle)
                    .Try("save it anew on this host.")
            );
        MachineSpec saved = SavedStore.SpecOf(_note);
        MachineSpec fixedPart = saved with
        {
            PortForwards = Spec.PortForwards,
            GuestReaches = Spec.GuestReaches,
            Hostname = Spec.Hostname,
            Secrets = Spec.Secrets,
            CollectOnFailure = Spec.CollectOnFailure,
            Forkable = Spec.Forkable,
            StartTimeout = Spec.StartTimeout,
            StartRetries = Spec.StartRetries,
            NoProgressTimeout = Spec.NoProgressTimeout,
            StopTimeout = Spec.StopTimeout,
        };
        if (SavedStore.DefinitionOf(Spec) != SavedStore.DefinitionOf(fixedPart))
            throw new ArgumentException(
                $"The saved machine '{Name}' was saved with another description: only PortForwards, GuestReaches, Hostname, Secrets, "
                    + "CollectOnFailure, Forkable and limits can be changed afterwards."
            );
        Template template = SavedStore.Open(Name);
        try
        {
            return new VirtualMachine(fixedPart, new GivenStart(Memory: null, template) { Image = template.Saved!.Image });
        }
        catch
        {
            template.Dispose();
            throw;
        }
    }
}
