using System.Xml.Linq;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Packages;

/// <summary>The packages of this repository in a folder outside it, with a version that no cache has seen.</summary>
public sealed class PackageFeed : IAsyncLifetime
{
    /// <summary>The packages that there are.</summary>
    public static readonly string[] Ids = ["TestHarness", "TestHarness.FluentAssertions", "TestHarness.Tool", "TestHarness.Xunit"];

    private readonly string _root = Directory.CreateTempSubdirectory("testharness-packages-").FullName;
    private readonly List<(string Id, string Version)> _made = [];

    public string Version { get; } = $"0.0.0-test.g{Guid.NewGuid():N}";

    /// <summary>Where the packages lie.</summary>
    public string Folder => Path.Combine(_root, "feed");

    /// <summary>Makes an empty folder outside the repository, which goes with the feed.</summary>
    public string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(_root, name)).FullName;

    /// <summary>
    /// Makes a project outside the repository, with the host's own package sources and, beside them, the folder. Returns its folder.
    /// </summary>
    /// <param name="framework">The framework that it is built for.</param>
    /// <param name="references">Its packages, with their versions.</param>
    public string NewProject(string framework, params IEnumerable<(string Id, string Version)> references)
    {
        string folder = NewFolder($"project-{Guid.NewGuid():N}");
        File.WriteAllText(
            Path.Combine(folder, "NuGet.config"),
            $"""
            <configuration>
              <packageSources>
                <add key="testharness" value="{Folder}" />
              </packageSources>
            </configuration>
            """
        );
        string packages = string.Join(
            '\n',
            references.Select(reference => $"""    <PackageReference Include="{reference.Id}" Version="{reference.Version}" />""")
        );
        File.WriteAllText(
            Path.Combine(folder, "Project.csproj"),
            $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>{framework}</TargetFramework>
                <OutputType>Exe</OutputType>
                <ImplicitUsings>enable</ImplicitUsings>
                <NuGetAudit>false</NuGetAudit>
              </PropertyGroup>
              <ItemGroup>
            {packages}
              </ItemGroup>
            </Project>
            """
        );
        return folder;
    }

    /// <summary>Makes a package that is not there yet, empty but for an assembly. Returns the folder that it lies in.</summary>
    public async Task<string> PackEmptyAsync(string id, string version)
    {
        string folder = NewProject("net10.0"),
            packages = NewFolder($"packages-{Guid.NewGuid():N}");
        await DotnetAsync(
            "pack",
            folder,
            "-o",
            packages,
            $"-p:PackageId={id}",
            $"-p:Version={version}",
            "-p:OutputType=Library",
            "-nodeReuse:false"
        );
        _made.Add((id, version));
        return packages;
    }

    public string FileOf(string id) => Path.Combine(Folder, $"{id}.{Version}.nupkg");

    /// <summary>Finds the version of a package that this repository builds with, which the host's sources therefore have.</summary>
    public static string UsedVersionOf(string id) =>
        XDocument
            .Load(Path.Combine(Repository.Root, "Directory.Packages.props"))
            .Descendants("PackageVersion")
            .Single(package => package.Attribute("Include")!.Value == id)
            .Attribute("Version")!
            .Value;

    /// <summary>Runs <c>dotnet</c>; it must succeed. Returns what it wrote.</summary>
    public static async Task<string> DotnetAsync(params string[] arguments)
    {
        (int exitCode, string output) = await Repository.RunAsync(
            "dotnet",
            arguments,
            environment: null,
            TestContext.Current.CancellationToken
        );
        exitCode.Should().Be(0, "dotnet {0} succeeds:\n{1}", string.Join(' ', arguments), output);
        return output;
    }

    public async ValueTask InitializeAsync()
    {
        // Its own folder for what the build makes: the programs that other tests run stay as they are, and a clone where nothing is built
        // for release will do.
        await DotnetAsync(
            "pack",
            Path.Combine(Repository.Root, "TestHarness.sln"),
            "-c",
            "Release",
            "-o",
            Folder,
            "--artifacts-path",
            NewFolder("build"),
            $"-p:Version={Version}",
            "-nodeReuse:false"
        );
    }

    public async ValueTask DisposeAsync()
    {
        Directory.Delete(_root, recursive: true);
        // 'global-packages: /home/me/.nuget/packages/'
        string told = await DotnetAsync("nuget", "locals", "global-packages", "--list", "--force-english-output");
        string cache = told[(told.IndexOf(": ", StringComparison.Ordinal) + 2)..].Trim();
        foreach ((string id, string version) in Ids.Select(id => (id, Version)).Concat(_made))
        {
            string restored = Path.Combine(cache, id.ToLowerInvariant(), version);
            if (!Directory.Exists(restored))
                continue;
            Directory.Delete(restored, recursive: true);
            string package = Path.GetDirectoryName(restored)!;
            if (!Directory.EnumerateFileSystemEntries(package).Any())
                Directory.Delete(package);
        }
    }
}
