using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Packages;

/// <summary>The packages as those get them who have no checkout.</summary>
[Collection(nameof(PackageCollection))]
public sealed class PackagesTests(PackageFeed feed)
{
    private const int Limit = 600_000;

    private static readonly string[] _runtimes = ["linux-arm64", "linux-x64"];

    [Fact]
    public void There_are_four_with_readme_licence_documentation_and_symbols()
    {
        Directory.GetFiles(feed.Folder).Should().BeEquivalentTo(PackageFeed.Ids.Select(feed.FileOf));

        foreach (string id in PackageFeed.Ids)
        {
            using ZipArchive package = ZipFile.OpenRead(feed.FileOf(id));
            string[] files = [.. package.Entries.Select(entry => entry.FullName)];
            string library = id == "TestHarness.Tool" ? "tools/net10.0/any/TestHarness" : $"lib/net10.0/{id}";
            files.Should().Contain(["README.md", "LICENSE", $"{library}.xml"], "{0} has them", id);
            SourcesOf(package, $"{library}.dll")
                .Should()
                .Contain(file => file.StartsWith("/_/src/", StringComparison.Ordinal), "{0} has symbols", id)
                .And.NotContain(
                    file => file.StartsWith(Path.Combine(Repository.Root, "src"), StringComparison.Ordinal),
                    "{0} names no folder of the one who made it",
                    id
                );
        }
    }

    [Fact]
    public void The_tool_names_no_folder_of_the_one_who_packed_it()
    {
        using ZipArchive package = ZipFile.OpenRead(feed.FileOf("TestHarness.Tool"));
        using var settings = new StreamReader(Unpack(package, "tools/net10.0/any/testvm.runtimeconfig.json"));

        settings.ReadToEnd().Should().NotContain(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));
    }

    [Fact]
    public void The_tool_has_the_natives_of_hosts_that_run_machines()
    {
        const string natives = "tools/net10.0/any/runtimes/";
        using ZipArchive package = ZipFile.OpenRead(feed.FileOf("TestHarness.Tool"));

        package
            .Entries.Where(entry => entry.FullName.StartsWith(natives, StringComparison.Ordinal))
            .Select(entry => entry.FullName[natives.Length..].Split('/')[0])
            .Distinct()
            .Should()
            .BeEquivalentTo(_runtimes);
    }

    [Fact]
    public void The_agent_and_the_recipes_are_inside()
    {
        using ZipArchive package = ZipFile.OpenRead(feed.FileOf("TestHarness"));
        using var assembly = new PEReader(Unpack(package, "lib/net10.0/TestHarness.dll"));
        MetadataReader reader = assembly.GetMetadataReader();
        reader
            .ManifestResources.Select(resource => reader.GetString(reader.GetManifestResource(resource).Name))
            .Should()
            .Contain(["agent/amd64/testharness-agent", "images/tiny/recipe.json", "images/debian-12/recipe.json"]);
    }

    // Over five seconds in every run: what a user does first.
    [Fact(Timeout = Limit)]
    public async Task A_project_outside_the_repository_tests_machines_with_them()
    {
        string project = WriteProject();

        string output = await PackageFeed.DotnetAsync("test", project, "-nodeReuse:false");

        output.Should().MatchRegex(@"Passed!  - Failed: +0, Passed: +2,");
        string built = Path.Combine(project, "bin/Debug/net10.0"),
            runtimes = Path.Combine(built, "runtimes");
        string settings = await File.ReadAllTextAsync(
            Directory.GetFiles(built, "*.runtimeconfig.json").Single(),
            TestContext.Current.CancellationToken
        );
        settings.Should().Contain("\"System.Runtime.TieredPGO\": false").And.Contain("CallCountThreshold\": 1000");
        Directory
            .EnumerateFiles(runtimes, "libSkiaSharp.*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(runtimes, file).Split('/')[0])
            .Should()
            .BeEquivalentTo(_runtimes, "the other ones would take 130 MB of each program's folder");
    }

    [Fact(Timeout = Limit)]
    public async Task The_tool_installs_from_them_and_runs()
    {
        string folder = feed.NewFolder("tool");

        await PackageFeed.DotnetAsync(
            "tool",
            "install",
            "TestHarness.Tool",
            "--tool-path",
            folder,
            "--add-source",
            feed.Folder,
            "--version",
            feed.Version
        );

        string testvm = Path.Combine(folder, "testvm");
        (await DoAsync(testvm, "--version")).Should().StartWith(feed.Version);
        await DoAsync(testvm, "image", "build", "tiny");
        (await DoAsync(testvm, "image", "list")).Should().MatchRegex(@"(?m)^NAME .*\n(.*\n)*tiny ");
    }

    private static async Task<string> DoAsync(string program, params string[] arguments)
    {
        (int exitCode, string output) = await Repository.RunAsync(
            program,
            arguments,
            environment: null,
            TestContext.Current.CancellationToken
        );
        exitCode.Should().Be(0, "{0} {1} succeeds: {2}", program, string.Join(' ', arguments), output);
        return output;
    }

    /// <summary>Reads the names of the source files from the symbols in an assembly.</summary>
    private static string[] SourcesOf(ZipArchive package, string file)
    {
        using var assembly = new PEReader(Unpack(package, file));
        DebugDirectoryEntry embedded = assembly
            .ReadDebugDirectory()
            .SingleOrDefault(entry => entry.Type == DebugDirectoryEntryType.EmbeddedPortablePdb);
        embedded.DataSize.Should().BePositive("{0} has its symbols inside", file);
        using MetadataReaderProvider symbols = assembly.ReadEmbeddedPortablePdbDebugDirectoryData(embedded);
        MetadataReader reader = symbols.GetMetadataReader();
        return [.. reader.Documents.Select(document => reader.GetString(reader.GetDocument(document).Name))];
    }

    private static MemoryStream Unpack(ZipArchive package, string file)
    {
        var unpacked = new MemoryStream();
        using Stream packed = package.GetEntry(file)!.Open();
        packed.CopyTo(unpacked);
        unpacked.Position = 0;
        return unpacked;
    }

    /// <summary>Writes a project as a user has it.</summary>
    private string WriteProject()
    {
        string[] used = ["Microsoft.NET.Test.Sdk", "xunit.runner.visualstudio", "xunit.v3"];
        string folder = feed.NewProject(
            "net10.0",
            [
                .. used.Select(id => (id, PackageFeed.UsedVersionOf(id))),
                ("TestHarness.Xunit", feed.Version),
                ("TestHarness.FluentAssertions", feed.Version),
            ]
        );
        File.WriteAllText(
            Path.Combine(folder, "UnameTests.cs"),
            """
            using FluentAssertions;
            using TestHarness;
            using TestHarness.FluentAssertions;
            using TestHarness.Xunit;
            using Xunit;

            public sealed class UnameTests
            {
                [Theory, VirtualMachine("tiny")]
                public async Task Is_Linux(VirtualMachine vm) =>
                    (await vm.Shell.RunAsync("uname -s")).Should().Succeed().And.HaveOutput("Linux");

                [Fact]
                public void Failures_bring_their_evidence() =>
                    typeof(UnameTests).Assembly.IsDefined(typeof(CaptureMachineEvidenceAttribute), inherit: false).Should().BeTrue();
            }
            """
        );
        return folder;
    }
}
