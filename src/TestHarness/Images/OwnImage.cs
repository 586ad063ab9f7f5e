using System.Security.Cryptography;
using System.Text;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Specs;

namespace TestHarness.Images;

/// <summary>An image of the user's own: a disk, with a kernel beside it or named, or with a boot loader on it.</summary>
internal static class OwnImage
{
    private static readonly string[] KernelNames = ["vmlinux", "vmlinuz"];
    private static readonly string[] InitrdNames = ["initrd", "initrd.img"];

    /// <summary>Looks at the files.</summary>
    /// <param name="spec">The machine; checked.</param>
    /// <param name="disk">The disk.</param>
    /// <param name="format">Its format, as it is stated.</param>
    /// <exception cref="ImageException">A file is missing or can't be used.</exception>
    public static GuestImage Open(MachineSpec spec, string disk, DiskFormat format)
    {
        string path = Find(disk);
        // Where the folder really is: a backing file beside the disk is not elsewhere because a link leads to both.
        string folder = Path.GetDirectoryName(path) is { } above ? Native.RealPath(above) ?? above : "/";
        OwnDisk own = OwnDisk.Open(spec.Image, Path.Combine(folder, Path.GetFileName(path)), format);
        (string? kernel, string? initrd) = spec.Firmware == Firmware.Kernel ? FindKernel(spec, folder) : (null, null);
        var image = new GuestImage
        {
            Name = Path.GetFileName(path),
            Folder = folder,
            Key = "",
            Architecture = "amd64",
            KernelArguments = "",
            // Who has something for cloud-init has cloud-init.
            HasAgent = spec.CloudInit is null ? null : false,
            DiskPath = own.Path,
            BackingFiles = own.BackingFiles,
            LowestFormat = own.LowestFormat,
            DiskBytes = own.Size,
            KernelPath = kernel,
            InitrdPath = initrd,
        };
        return image with { Key = KeyOf(image) };
    }

    // By inode, time of the last change and device, which nobody can set back: a sum over gigabytes would take longer than the start.
    private static string KeyOf(GuestImage image)
    {
        string files = string.Concat(image.Files.Select(file => $"{file}\0{Native.StatusOf(file)?.Identity}\0"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(files)))[..16];
    }

    private static (string Kernel, string? Initrd) FindKernel(MachineSpec spec, string folder)
    {
        string kernel = (spec.Kernel is { } named ? Find(named) : Beside(spec, folder, KernelNames))
            ?? throw new ImageException(
                spec.Image,
                new FailureText($"Image '{spec.Image}': there is no kernel for it.")
                    .Add("Looked for", string.Join('\n', KernelNames.Select(name => Path.Combine(folder, name))))
                    .Try(
                        "name the kernel in MachineSpec.Kernel, or set MachineSpec.Firmware to Bios or Uefi where the disk has a "
                            + "boot loader."
                    )
            );
        string? initrd =
            spec.Initrd is { } initrdNamed ? Find(initrdNamed)
            : spec.Kernel is null ? Beside(spec, folder, InitrdNames)
            : null;
        Require(spec, "kernel", kernel, spec.Kernel);
        if (initrd is not null)
            Require(spec, "initrd", initrd, spec.Initrd);
        return (kernel, initrd);
    }

    private static string Find(string path) => OwnPath.Find(path, place => Native.StatusOf(place) is not null);

    private static string? Beside(MachineSpec spec, string folder, string[] names)
    {
        string[] there = [.. names.Select(name => Path.Combine(folder, name)).Where(path => Native.StatusOf(path) is not null)];
        return there.Length < 2
            ? there.SingleOrDefault()
            : throw new ImageException(
                spec.Image,
                new FailureText($"Image '{spec.Image}': which of the files beside it is meant?")
                    .Add("Found", string.Join('\n', there))
                    .Try("name one in MachineSpec.Kernel or MachineSpec.Initrd.")
            );
    }

    // A link is fine here: a distribution's /vmlinuz is one, and nothing in the file leads elsewhere.
    private static void Require(MachineSpec spec, string what, string path, string? named)
    {
        string? reason =
            Native.StatusOf(path) is not { } status ? "there is no such file"
            : !status.IsPlainFile ? $"it is {status.Type}, not a file"
            : new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Length: 0 } || new FileInfo(path).Length == 0
                ? "it is empty"
            : LfsPointer.Is(path) ? LfsPointer.Reason
            : null;
        if (reason is not null)
        {
            throw new ImageException(
                spec.Image,
                new FailureText($"Image '{spec.Image}': the {what} can't be used.")
                    .Add("File", path)
                    .Add("Reason", reason)
                    .Try(reason == LfsPointer.Reason ? LfsPointer.Remedy : OwnPath.RemedyFor(named))
            );
        }
    }
}
