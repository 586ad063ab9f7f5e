using TestHarness.Errors;

namespace TestHarness.Images;

/// <summary>Tells whether a folder of the store is an image and nothing else, before it is removed.</summary>
internal static class ImageFolder
{
    private static readonly string[] Descriptions = [ImageDescription.FileName, DiskDescription.FileName];

    private static readonly string[] Names = [.. Descriptions, "disk.qcow2", "disk.raw", "vmlinux", "vmlinuz", "initrd", "packages.txt"];

    /// <summary>Tells whether nothing is lost but an image.</summary>
    public static bool IsOurs(string folder) =>
        FindForeign(folder) is null && Descriptions.Any(name => File.Exists(Path.Combine(folder, name)));

    /// <summary>Refuses to remove a folder in which somebody keeps other things.</summary>
    /// <exception cref="ImageException">There is something else in it.</exception>
    public static void RequireOurs(string image, string folder)
    {
        if (IsOurs(folder))
            return;
        throw new ImageException(
            image,
            new FailureText($"Image '{image}': its folder is not removed.")
                .Add("Folder", folder)
                .Add(
                    "Reason",
                    FindForeign(folder) is { } foreign
                        ? $"it has '{foreign}' in it, which is not TestHarness's"
                        : "it has no description of an image in it"
                )
                .Try("move what is yours elsewhere, and remove the folder.")
        );
    }

    private static string? FindForeign(string folder) =>
        new DirectoryInfo(folder)
            .EnumerateFileSystemInfos()
            .Select(entry => entry.Name)
            .FirstOrDefault(name => !Names.Contains(name, StringComparer.Ordinal));
}
