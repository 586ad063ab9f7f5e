using System.Runtime.InteropServices;

namespace TestHarness.Specs;

/// <summary>The shared .NET runtime that runs this process, laid out as an installation has it.</summary>
internal static class HostRuntime
{
    // …/shared/Microsoft.NETCore.App/10.0.1
    private static readonly string Framework = Path.TrimEndingDirectorySeparator(RuntimeEnvironment.GetRuntimeDirectory());

    public static string Version => Path.GetFileName(Framework);

    /// <summary>The folder with <c>dotnet</c>, <c>host</c> and <c>shared</c>.</summary>
    public static string Root => Path.GetFullPath(Path.Combine(Framework, "..", "..", ".."));

    /// <summary>
    /// The parts of an installation that a program of this runtime needs, relative to <see cref="Root"/>; <see langword="null"/> for one
    /// that is not there.
    /// </summary>
    public static IReadOnlyList<string> Parts(bool aspNetCore) =>
        [
            "dotnet",
            $"host/fxr/{Version}",
            $"shared/Microsoft.NETCore.App/{Version}",
            .. aspNetCore ? (string[])[$"shared/Microsoft.AspNetCore.App/{Version}"] : [],
        ];

    /// <summary>Which part is missing on the host, or <see langword="null"/>.</summary>
    public static string? FindMissing(bool aspNetCore) =>
        Parts(aspNetCore).Select(part => Path.Combine(Root, part)).FirstOrDefault(path => !Path.Exists(path));
}
