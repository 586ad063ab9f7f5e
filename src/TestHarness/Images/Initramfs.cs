using System.Reflection;

namespace TestHarness.Images;

/// <summary>
/// The initramfs of every image that the library builds: busybox, the modules of the recipe in load order, and <c>init.sh</c>.
/// </summary>
internal static class Initramfs
{
    private const string InitResource = "initramfs/init";
    private const UnixFileMode Executable = (UnixFileMode)0x1ed;
    private const UnixFileMode Readable = (UnixFileMode)0x1a4;

    private static readonly string[] Commands = ["sh", "mount", "insmod", "findfs", "usleep", "switch_root"];

    /// <summary>Writes the archive.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="busybox">A statically linked busybox.</param>
    /// <param name="modules">The modules' files, in load order.</param>
    public static void Write(Stream output, byte[] busybox, IReadOnlyList<string> modules)
    {
        var archive = new CpioArchive(output);
        foreach (string folder in (string[])["bin", "dev", "modules", "proc", "root", "sys"])
            archive.AddFolder(folder);
        archive.AddFile("bin/busybox", busybox, Executable);
        foreach (string command in Commands)
            archive.AddLink($"bin/{command}", "busybox");
        archive.AddFile("init", ReadInit(), Executable);
        foreach (string module in modules)
            archive.AddFile($"modules/{Path.GetFileName(module)}", File.ReadAllBytes(module), Readable);
        archive.AddFile(
            "modules/order",
            System.Text.Encoding.UTF8.GetBytes(string.Concat(modules.Select(module => $"{Path.GetFileName(module)}\n"))),
            Readable
        );
        archive.Finish();
    }

    /// <summary>Gets the script, which is part of an image's key.</summary>
    public static byte[] ReadInit()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(InitResource)!;
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
