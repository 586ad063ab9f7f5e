using System.Net;
using System.Text.RegularExpressions;

namespace TestHarness.Images;

/// <summary>What <see cref="MachineSpec.Image"/> names: a recipe, a disk on this host, or the address of one. Pure.</summary>
/// <param name="Kind">Which of them.</param>
/// <param name="Format">A disk's format, as it is stated.</param>
internal sealed partial record ImageReference(ImageKind Kind, DiskFormat Format)
{
    private static readonly string[] Endings = [".qcow2", ".raw", ".img"];

    /// <summary>Reads a spec that has no mistakes.</summary>
    public static ImageReference Of(MachineSpec spec) => new(KindOf(spec), StatedFormat(spec) ?? DiskFormat.Qcow2);

    /// <summary>Returns what is wrong with a spec's image and with what goes with it.</summary>
    public static IEnumerable<string> Problems(MachineSpec spec)
    {
        ImageKind kind = KindOf(spec);
        foreach (string problem in kind == ImageKind.Recipe ? RecipeProblems(spec) : [.. DiskProblems(spec), .. FirmwareProblems(spec)])
            yield return problem;
        foreach (string problem in kind == ImageKind.Address ? AddressProblems(spec) : [])
            yield return problem;
        if (kind == ImageKind.File && spec.ImageSha256 is not null)
            yield return "ImageSha256 is for images that are fetched: to have a file checked and copied into the cache, write its "
                + "address (file:///…).";
    }

    /// <summary>Tells whether an address leads to this machine itself, written as a number: a name could be resolved to another.</summary>
    public static bool IsLoopback(Uri address) =>
        IPAddress.TryParse(address.Host.Trim('[', ']'), out IPAddress? host) && IPAddress.IsLoopback(host);

    private static ImageKind KindOf(MachineSpec spec)
    {
        if (Scheme().IsMatch(spec.Image))
            return ImageKind.Address;
        return spec.ImageFormat is not null || Endings.Any(ending => spec.Image.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
            ? ImageKind.File
            : ImageKind.Recipe;
    }

    private static DiskFormat? StatedFormat(MachineSpec spec)
    {
        string path =
            KindOf(spec) == ImageKind.Address && Uri.TryCreate(spec.Image, UriKind.Absolute, out Uri? address)
                ? address.AbsolutePath
                : spec.Image;
        return spec.ImageFormat
            ?? (
                path.EndsWith(".qcow2", StringComparison.OrdinalIgnoreCase) ? DiskFormat.Qcow2
                : path.EndsWith(".raw", StringComparison.OrdinalIgnoreCase) ? DiskFormat.Raw
                : null
            );
    }

    private static IEnumerable<string> RecipeProblems(MachineSpec spec)
    {
        if (spec.Firmware != Firmware.Kernel)
            yield return $"Firmware is {spec.Firmware}: the disks of recipes have no boot loader; it is for a disk of your own.";
        if (spec.Kernel is not null || spec.Initrd is not null)
            yield return "Kernel and Initrd are for a disk of your own: a recipe brings its own.";
        if (spec.ImageSha256 is not null)
            yield return "ImageSha256 is for images that are fetched: a recipe is built.";
    }

    private static IEnumerable<string> DiskProblems(MachineSpec spec)
    {
        if (spec.Image.Contains('\0', StringComparison.Ordinal))
            yield return "Image has a zero character in it.";
        if (StatedFormat(spec) is null)
            yield return "ImageFormat is missing: the image's ending does not say its format (.img is used for several), and it "
                + "is not guessed. Set it to Qcow2 or Raw.";
        if (KindOf(spec) == ImageKind.Address && spec is { Firmware: Firmware.Kernel, Kernel: null })
            yield return "Kernel is missing: nothing lies beside an image that is fetched. Name a kernel, or set Firmware to Bios or Uefi.";
    }

    private static IEnumerable<string> FirmwareProblems(MachineSpec spec)
    {
        if (!Enum.IsDefined(spec.Firmware))
            yield return $"Firmware is {spec.Firmware}: Kernel, Bios and Uefi are possible.";
        if (spec.Firmware == Firmware.Kernel)
            yield break;
        if (spec.Kernel is not null || spec.Initrd is not null)
            yield return $"Kernel and Initrd are not used with Firmware = {spec.Firmware}: the boot loader on the disk brings them.";
        if (!string.IsNullOrWhiteSpace(spec.KernelArguments))
            yield return $"KernelArguments are not used with Firmware = {spec.Firmware}: the boot loader on the disk has them.";
        if (spec.Display == Display.Deterministic)
            yield return $"Display.Deterministic is not possible with Firmware = {spec.Firmware}: it is made of arguments for the "
                + "kernel, which the boot loader on the disk has.";
        if (spec.Type == MachineType.Microvm)
            yield return $"Type is Microvm, which has no firmware of the kind {spec.Firmware}: use Q35.";
    }

    private static IEnumerable<string> AddressProblems(MachineSpec spec)
    {
        string scheme = Scheme().Match(spec.Image).Groups[1].Value.ToLowerInvariant();
        if (scheme is not ("https" or "http" or "file"))
            yield return $"Image: an address begins with https:, file: or (this machine only) http:, not with \"{scheme}:\". A "
                + "path with a colon in it is written with \"./\" before it.";
        else if (scheme == "file" && !spec.Image.StartsWith("file:///", StringComparison.OrdinalIgnoreCase))
            yield return "Image: file: takes an absolute path: file:///….";
        else if (!Uri.TryCreate(spec.Image, UriKind.Absolute, out Uri? address))
            yield return $"Image: \"{spec.Image}\" is no valid address.";
        else if (scheme == "http" && !IsLoopback(address))
            // The sum proves what has come, not that nobody read along, held it up or sent without end.
            yield return "Image: http: is for this machine's own 127.0.0.1 or [::1]: on the way from elsewhere anybody could read "
                + "and hold up what is fetched. Use https:.";
        else if (address.UserInfo.Length > 0)
            yield return "Image: a user in an address is not sent. Fetch the image with a program of your own, and name the file.";
        if (spec.ImageSha256 is not { } sum)
            yield return "ImageSha256 is missing: an image that is fetched needs the sum that it has to have (sha256sum FILE).";
        else if (!Sum().IsMatch(sum))
            yield return $"ImageSha256 is \"{sum}\": a SHA-256 has 64 hexadecimal digits.";
    }

    // As QEMU and curl see it: letters and a colon before the first slash.
    [GeneratedRegex("^([A-Za-z][A-Za-z0-9+.-]*):")]
    private static partial Regex Scheme();

    [GeneratedRegex(@"\A[0-9A-Fa-f]{64}\z")]
    private static partial Regex Sum();
}

/// <summary>What an image is.</summary>
internal enum ImageKind
{
    /// <summary>Built by the library.</summary>
    Recipe,

    /// <summary>A disk on this host.</summary>
    File,

    /// <summary>A disk that is fetched and checked.</summary>
    Address,
}
