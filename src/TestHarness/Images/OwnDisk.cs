using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Specs;

namespace TestHarness.Images;

/// <summary>
/// A user's disk: checks it and the files that it lies on before QEMU opens any of them. QEMU is then told each file with its format, and
/// goes by no header.
/// </summary>
/// <param name="Path">The disk.</param>
/// <param name="BackingFiles">What it lies on, the nearest first; all in the disk's own folder.</param>
/// <param name="LowestFormat">The format of the last of all. The others are qcow2, for a raw disk lies on nothing.</param>
/// <param name="Size">How large the guest sees it, in bytes.</param>
internal sealed record OwnDisk(string Path, IReadOnlyList<string> BackingFiles, DiskFormat LowestFormat, long Size)
{
    // Ends a chain that goes round in circles as well.
    private const int LongestChain = 16;

    private const int Sector = 512;

    private const string Flatten = "make one file of it, where you trust what it leads to: qemu-img convert -O qcow2 FILE FLAT.qcow2.";

    /// <summary>Looks at a disk.</summary>
    /// <param name="image">The image as the user named it.</param>
    /// <param name="path">The disk's file.</param>
    /// <param name="format">Its format, as it is stated.</param>
    /// <exception cref="ImageException">It can't be used; says which file, why, and what to do.</exception>
    public static OwnDisk Open(string image, string path, DiskFormat format)
    {
        var backing = new List<string>();
        OwnDisk? top = null;
        string? folder = System.IO.Path.GetDirectoryName(path);
        for (string file = path; ; )
        {
            if (FindKind(file) is { } kind)
                throw Refuse(image, file, kind.Reason, kind.Remedy ?? (file == path ? OwnPath.RemedyFor(image) : null));
            if (format == DiskFormat.Raw)
            {
                long size = SizeOfRaw(image, file);
                return (top ?? new OwnDisk(path, [], format, size)) with { BackingFiles = backing, LowestFormat = format };
            }

            QcowFacts facts = FactsOf(image, file);
            top ??= new OwnDisk(path, backing, DiskFormat.Qcow2, facts.Size);
            if (facts.BackingFile is not { } name)
                return top;
            if (backing.Count >= LongestChain)
                throw Refuse(
                    image,
                    path,
                    $"it lies on a chain of more than {LongestChain} backing files, or on one that goes round in circles",
                    Flatten
                );
            format = facts.BackingFormat switch
            {
                "qcow2" => DiskFormat.Qcow2,
                "raw" => DiskFormat.Raw,
                null => throw Refuse(
                    image,
                    file,
                    $"it does not state the format of its backing file '{name}'",
                    $"qemu-img rebase -u -F qcow2 -b '{name}' '{file}', or raw in place of qcow2."
                ),
                { } other => throw Refuse(image, file, $"the format of its backing file '{name}' is '{other}', not qcow2 or raw", Flatten),
            };
            if (FindWayOut(folder!, name, out string next) is { } reason)
                throw Refuse(image, file, $"its backing file is '{name}': {reason}", Flatten);
            backing.Add(file = next);
        }
    }

    /// <summary>Returns why a backing file's name leads out of the disk's folder, or <see langword="null"/> and the file.</summary>
    private static string? FindWayOut(string folder, string name, out string file)
    {
        file = "";
        if (name.StartsWith("json:", StringComparison.Ordinal))
            return "a description (json:) in place of a file's name";
        // As QEMU sees it: a protocol, or a driver with options.
        if (name.AsSpan().IndexOfAny(':', '/') is var end and >= 0 && name[end] == ':')
            return "an address, not a file";
        if (name.Contains('\0', StringComparison.Ordinal))
            return "it has a zero character in it";
        file = System.IO.Path.GetFullPath(name, folder);
        string inside = $"{folder.TrimEnd('/')}/";
        if (!file.StartsWith(inside, StringComparison.Ordinal))
            return "it is not in the disk's own folder";
        string step = inside.TrimEnd('/');
        foreach (string part in file[inside.Length..].Split('/'))
        {
            step = $"{step}/{part}";
            if (new FileInfo(step).LinkTarget is { } target)
                return $"'{step}' is a symbolic link, to '{target}'";
        }

        return null;
    }

    private static (string Reason, string? Remedy)? FindKind(string file)
    {
        if (new FileInfo(file).LinkTarget is { } target)
            return ($"it is a symbolic link, to '{target}'", "name the file itself.");
        if (Native.StatusOf(file) is not { } status)
            return ("there is no such file", null);
        return Native.IsOrdinaryFile(file) ? null : ($"it is {status.Type}, not a file", null);
    }

    private static QcowFacts FactsOf(string image, string file)
    {
        if (QcowHeader.FindFault(file, QcowBacking.Any, out QcowFacts facts) is not { } fault)
            return facts;
        (string Format, string Remedy)? found = DiskSignature.Find(Start(image, file));
        throw found switch
        {
            { Format: "qcow2" } => Refuse(image, file, fault, null),
            { } other => Refuse(image, file, $"it is not in qcow2 format, which is stated, but {other.Format}", other.Remedy),
            null => Refuse(image, file, fault, "set MachineSpec.ImageFormat to Raw where it is a raw disk."),
        };
    }

    private static long SizeOfRaw(string image, string file)
    {
        byte[] start = Start(image, file);
        if (start.Length == 0)
            throw Refuse(image, file, "it is empty", null);
        if (DiskSignature.Find(start) is { } found)
            throw Refuse(image, file, $"it is not a raw disk, which is stated, but {found.Format}", found.Remedy);
        // QEMU shows the guest whole sectors, the last one filled up with zeros.
        return (new FileInfo(file).Length + Sector - 1) / Sector * Sector;
    }

    private static byte[] Start(string image, string file)
    {
        try
        {
            using FileStream stream = File.OpenRead(file);
            var start = new byte[DiskSignature.Length];
            return start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refuse(image, file, e.Message, null);
        }
    }

    private static ImageException Refuse(string image, string file, string reason, string? remedy) =>
        new(image, new FailureText($"Image '{image}': the disk can't be used.").Add("File", file).Add("Reason", reason).Try(remedy));
}
