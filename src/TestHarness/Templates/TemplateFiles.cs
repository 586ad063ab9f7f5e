using System.Text.RegularExpressions;

namespace TestHarness.Templates;

/// <summary>Names of the files in a template's folder, <c>templates/&lt;key&gt;/</c> in the cache.</summary>
internal static partial class TemplateFiles
{
    /// <summary>The guest's memory: as large as the guest's, sparse.</summary>
    public const string Memory = "memory";

    /// <summary>The state of processor and devices, in QEMU's migration format, without the memory.</summary>
    public const string State = "state";

    /// <summary>A folder of empty overlays on the template's disks, which each machine gets copies of.</summary>
    public const string Overlays = "overlays";

    /// <summary>Written last: what the others are like. Without it the template is not one.</summary>
    public const string Description = "template.json";

    /// <summary>
    /// Locked shared by every machine that was restored from the template, for as long as it lives. Its time is that of the last use.
    /// </summary>
    public const string InUse = "in-use";

    /// <summary>There once a machine other than the one that it was made for was restored.</summary>
    public const string Proven = "proven";

    /// <summary>The second names of a saved machine's image: its disk, by its format, its kernel and initrd.</summary>
    public const string BaseDisk = "base.qcow2";
    public const string RawBaseDisk = "base.raw";
    public const string Kernel = "kernel";
    public const string Initrd = "initrd";

    /// <summary>The log of a serial port, the console's for 0.</summary>
    public static string SerialLog(int index) => index == 0 ? "serial.log" : $"serial{index}.log";

    /// <summary>Tells whether a folder in the cache is named as a template is.</summary>
    public static bool IsKey(string name) => Key().IsMatch(name);

    /// <summary>
    /// Returns the name of something in a template's folder that the library did not put there, or <see langword="null"/>.
    /// </summary>
    public static string? FindForeign(string folder) =>
        !Directory.Exists(folder) || new DirectoryInfo(folder).LinkTarget is not null
            ? null
            : new DirectoryInfo(folder)
                .EnumerateFileSystemInfos()
                .Select(entry => entry.Name)
                .FirstOrDefault(name => !Known().IsMatch(name));

    [GeneratedRegex(@"\A[0-9a-f]{16}\z")]
    private static partial Regex Key();

    [GeneratedRegex(
        @"\A(memory|state|overlays|template\.json|in-use|proven|kernel|initrd|base\.raw|serial[0-9]*\.log|ssh|[a-z0-9-]+\.qcow2)\z"
    )]
    private static partial Regex Known();
}
