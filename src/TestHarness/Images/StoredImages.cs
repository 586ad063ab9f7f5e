using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>
/// All images of a cache: those that are built from recipes, the disks that were imported or fetched under a name
/// (<c>disks/&lt;name&gt;/&lt;key&gt;/</c>), and the ones that tests fetched by their address.
/// </summary>
internal sealed class StoredImages(string cache)
{
    public string Cache => cache;

    public FetchedImages Fetched { get; init; } = new(Path.Combine(cache, "images"));

    private string Disks => Path.Combine(cache, "disks");

    private string Images => Path.Combine(cache, "images");

    /// <summary>Lists them, by name, the newest of a name first.</summary>
    public IReadOnlyList<StoredImage> All()
    {
        StoredImage[] disks = [.. Folders(Disks).Select(ReadDisk).OfType<StoredImage>()];
        IEnumerable<StoredImage> built = Folders(Images)
            .Where(folder => ImageKey.IsFolderName(Path.GetFileName(folder)))
            .Select(ImageDescription.Read)
            .OfType<GuestImage>()
            .Select(image => new StoredImage(StoredKind.Recipe, image, Directory.GetFiles(image.Folder), null));
        IEnumerable<StoredImage> nameless = Fetched
            .Sums()
            .Except(disks.Where(disk => disk.Description!.Fetched).Select(disk => disk.Description!.Disk.Sha256))
            .Select(Nameless);
        return
        [
            .. built
                .Concat(disks)
                .Concat(nameless)
                .OrderBy(image => image.Name, StringComparer.Ordinal)
                .ThenByDescending(image => image.Added),
        ];
    }

    /// <summary>Returns the newest disk of a name, or <see langword="null"/>.</summary>
    public StoredImage? FindDisk(string name) =>
        !DiskDescription.IsName(name)
            ? null
            : Below(Path.Combine(Disks, name)).Select(ReadDisk).OfType<StoredImage>().MaxBy(disk => disk.Added);

    /// <summary>Makes a folder for what is not finished yet.</summary>
    public WorkFolder Work(IProgress<StartProgress>? progress) => WorkFolder.Create(Path.Combine(cache, "work"), progress);

    /// <summary>Removes what killed processes left.</summary>
    public void Sweep(IProgress<StartProgress>? progress) => WorkFolder.Sweep(Path.Combine(cache, "work"), progress);

    /// <summary>
    /// Puts a finished folder into the store, by a rename. One of the same content that is there stays, for machines' disks may lie on it,
    /// and is the newest of its name.
    /// </summary>
    /// <param name="work">Where the folder is made.</param>
    /// <param name="description">What it is.</param>
    /// <param name="files">Files in <paramref name="work"/> that go with it.</param>
    public StoredImage Add(WorkFolder work, DiskDescription description, IEnumerable<string> files)
    {
        string ready = Path.Combine(work.Path, "ready"),
            target = Path.Combine(Disks, description.Name, description.Key);
        string readyNote = Path.Combine(ready, DiskDescription.FileName),
            note = Path.Combine(work.Path, DiskDescription.FileName);
        CacheFolder.Create(ready);
        foreach (string file in files)
            new PartialFile(file).MoveTo(Path.Combine(ready, Path.GetFileName(file)));
        File.WriteAllBytes(note, Checked(description with { Added = Clock.System.GetUtcNow() }));
        new PartialFile(note).MoveTo(readyNote);
        CacheFolder.Create(Path.GetDirectoryName(target)!);
        // One that is not whole is in the way.
        if (Directory.Exists(target) && ReadDisk(target) is null)
        {
            ImageFolder.RequireOurs(description.Name, target);
            Directory.Move(target, Path.Combine(work.Path, "old"));
        }

        try
        {
            if (!Directory.Exists(target))
                Directory.Move(ready, target);
            else
                File.Move(readyNote, Path.Combine(target, DiskDescription.FileName), overwrite: true);
        }
        catch (IOException) when (ReadDisk(target) is not null)
        {
            // Somebody else put the same there at this moment.
        }

        return ReadDisk(target)
            ?? throw new ImageException(
                description.Name,
                new FailureText($"Image '{description.Name}': the files are not whole after they were stored.").Add("Folder", target)
            );
    }

    /// <summary>Deletes an image; what is fetched goes when nothing names it any more.</summary>
    public async Task DeleteAsync(StoredImage image, CancellationToken cancellationToken)
    {
        if (image.Kind != StoredKind.Fetched)
        {
            // Renamed first: an image is there as a whole or not at all, and what a killed process leaves of it is removed by the next.
            ImageFolder.RequireOurs(image.Name, image.Image.Folder);
            using WorkFolder work = Work(progress: null);
            Directory.Move(image.Image.Folder, Path.Combine(work.Path, "old"));
        }

        if (
            image.Sum is { } sum
            && !Folders(Disks)
                .Select(ReadDisk)
                .Any(other => other?.Description is { Fetched: true } description && description.Disk.Sha256 == sum)
        )
            await Fetched.DeleteAsync(sum, cancellationToken).ConfigureAwait(false);
    }

    // What a publisher says of a disk is in it: it must be what is read again.
    private static byte[] Checked(DiskDescription description)
    {
        byte[] json = description.ToJson();
        try
        {
            DiskDescription.Parse(json);
            return json;
        }
        catch (InvalidDataException e)
        {
            throw new ImageException(
                description.Name,
                new FailureText($"Image '{description.Name}': it can't be stored as it is described.").Add("Reason", e.Message),
                e
            );
        }
    }

    private static IEnumerable<string> Folders(string root) => Below(root).SelectMany(Below);

    private static string[] Below(string folder) => Directory.Exists(folder) ? Directory.GetDirectories(folder) : [];

    private StoredImage? ReadDisk(string folder)
    {
        try
        {
            string file = Path.Combine(folder, DiskDescription.FileName);
            if (
                !DiskDescription.IsKey(Path.GetFileName(folder))
                || !File.Exists(file)
                || new FileInfo(file).Length > DiskDescription.MaxBytes
            )
                return null;
            DiskDescription description = DiskDescription.Parse(File.ReadAllBytes(file));
            string[] files =
            [
                .. description.Files.Select(one =>
                    one == description.Disk && description.Fetched ? Fetched.PathOf(one.Sha256) : Path.Combine(folder, one.Name)
                ),
            ];
            return files
                .Zip(description.Files)
                .All(pair => new FileInfo(pair.First) is { Exists: true } info && info.Length == pair.Second.Size)
                ? new StoredImage(StoredKind.Disk, ImageOf(folder, description, files[0]), files, description)
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            // Not there, or not whole.
            return null;
        }
    }

    private static GuestImage ImageOf(string folder, DiskDescription description, string disk) =>
        new()
        {
            Name = description.Name,
            Folder = folder,
            Key = description.Key,
            Architecture = description.Architecture,
            KernelArguments = description.KernelArguments,
            HasAgent = description.Agent ? true : null,
            DiskPath = disk,
            LowestFormat = description.Format,
            DiskBytes = description.DiskBytes,
            KernelPath = description.Kernel is { } kernel ? Path.Combine(folder, kernel.Name) : null,
            InitrdPath = description.Initrd is { } initrd ? Path.Combine(folder, initrd.Name) : null,
        };

    private StoredImage Nameless(string sum) =>
        new(
            StoredKind.Fetched,
            new GuestImage
            {
                Name = sum[..16],
                Folder = Path.GetDirectoryName(Fetched.PathOf(sum))!,
                Key = sum[..16],
                Architecture = "amd64",
                KernelArguments = "",
                HasAgent = null,
                DiskPath = Fetched.PathOf(sum),
            },
            [Fetched.PathOf(sum)],
            null
        );
}

/// <summary>An image of the store.</summary>
/// <param name="Kind">How it came there.</param>
/// <param name="Image">The image.</param>
/// <param name="Files">What it takes room with.</param>
/// <param name="Description">What is known of a disk.</param>
internal sealed record StoredImage(StoredKind Kind, GuestImage Image, IReadOnlyList<string> Files, DiskDescription? Description)
{
    public string Name => Image.Name;

    /// <summary>The same under another name.</summary>
    public StoredImage Named(string name)
    {
        DiskDescription.RequireName(name);
        return this with { Image = Image with { Name = name } };
    }

    public long Bytes => Files.Sum(file => new FileInfo(file).Length);

    public DateTimeOffset Added => Description?.Added ?? new DateTimeOffset(File.GetLastWriteTimeUtc(Image.DiskPath), TimeSpan.Zero);

    /// <summary>Gets the sum of a disk that lies among the fetched ones.</summary>
    public string? Sum =>
        Kind == StoredKind.Fetched ? Path.GetFileName(Image.DiskPath)
        : Description is { Fetched: true } ? Description.Disk.Sha256
        : null;
}

/// <summary>How an image came into the store.</summary>
internal enum StoredKind
{
    /// <summary>Built from a recipe.</summary>
    Recipe,

    /// <summary>Imported, or fetched under a name.</summary>
    Disk,

    /// <summary>Fetched by a test, which names its address.</summary>
    Fetched,
}
