using System.Text.RegularExpressions;

namespace TestHarness.MachineTests.Templates;

/// <summary>The cache that this test run uses, found by what a machine of it runs from.</summary>
internal static partial class UsualCache
{
    /// <summary>The folder of a machine's image: <c>CACHE/images/NAME/KEY</c>.</summary>
    public static async Task<string> ImageFolderOfAsync(VirtualMachine vm, CancellationToken cancellationToken) =>
        ImageFolder().Match((await vm.CollectEvidenceAsync(cancellationToken)).CommandLine).Groups[1].Value;

    /// <summary>The folder of images: <c>CACHE/images</c>.</summary>
    public static async Task<string> ImagesOfAsync(VirtualMachine vm, CancellationToken cancellationToken) =>
        Path.GetFullPath(Path.Combine(await ImageFolderOfAsync(vm, cancellationToken), "../.."));

    /// <summary>The folder of the template that a machine was restored from: <c>CACHE/templates/KEY</c>.</summary>
    public static async Task<string> TemplateFolderOfAsync(VirtualMachine vm, CancellationToken cancellationToken) =>
        MemoryFolder().Match((await vm.CollectEvidenceAsync(cancellationToken)).CommandLine).Groups[1].Value;

    [GeneratedRegex("\"mem-path\":\"([^\"]+)/memory\"")]
    private static partial Regex MemoryFolder();

    [GeneratedRegex("\"filename\":\"(/[^\"]+/images/[^/\"]+/[^/\"]+)/disk.qcow2\"")]
    private static partial Regex ImageFolder();
}
