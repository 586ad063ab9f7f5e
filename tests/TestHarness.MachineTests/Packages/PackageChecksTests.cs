using System.IO.Compression;
using System.Xml.Linq;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Packages;

/// <summary>What a project is told that has something beside the packages with which they do not work.</summary>
[Collection(nameof(PackageCollection))]
[Fault(
    "A project has xunit 2, an xunit.v3 that was not tried, or FluentAssertions 8 beside the packages, or is for " + "net8.0.",
    "Its build ends with one error that names the version and the command. No test fails with a missing method. No "
        + "restore is done for nothing."
)]
public sealed class PackageChecksTests(PackageFeed feed)
{
    private const int Limit = 600_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("TestHarness.Xunit", "xunit.v3.extensibility.core", "3.2.2", "3.2.2", "5.0.0")]
    [InlineData("TestHarness.FluentAssertions", "FluentAssertions", "[6.12.0, 8.0.0)", "6.12.0", "8.0.0")]
    public void The_packages_state_what_they_work_with_and_their_checks_state_the_same(
        string id,
        string dependency,
        string stated,
        string oldest,
        string tooNew
    )
    {
        using ZipArchive package = ZipFile.OpenRead(feed.FileOf(id));

        XDocument
            .Parse(Read(package, $"{id}.nuspec"))
            .Descendants()
            .Single(element => element.Name.LocalName == "dependency" && element.Attribute("id")?.Value == dependency)
            .Attribute("version")!
            .Value.Should()
            .Be(stated);
        Read(package, $"buildTransitive/net10.0/{id}.targets")
            .Should()
            .Contain($"'{oldest}'")
            .And.Contain($"'{tooNew}'")
            .And.Contain($"from {oldest} to below {tooNew}");
    }

    [Theory(Timeout = Limit)]
    [InlineData("TestHarness")]
    [InlineData("TestHarness.Xunit")]
    [InlineData("TestHarness.FluentAssertions")]
    public async Task A_project_for_an_older_framework_is_told_which_one_is_needed(string id) =>
        (await FailsToBuildAsync("net8.0", (id, feed.Version)))
            .Should()
            .Contain(
                $"error TESTHARNESS001: The package {id} needs .NET 10 or newer, and Project.csproj is built for net8.0. Set "
                    + "<TargetFramework>net10.0</TargetFramework> in it."
            );

    [Fact(Timeout = Limit)]
    public async Task A_project_of_xunit_2_is_told_how_to_change_over() =>
        (await FailsToBuildAsync("net10.0", ("xunit", "2.9.3"), ("TestHarness.Xunit", feed.Version)))
            .Should()
            .Contain("error TESTHARNESS002: The package TestHarness.Xunit needs xunit v3, and Project.csproj has xunit 2.9.3.")
            .And.Contain("dotnet add package xunit.v3 --version 3.2.2")
            .And.NotContain("error CS", "the compiler has nothing clearer to say");

    [Fact(Timeout = Limit)]
    public async Task A_project_of_a_later_xunit_v3_is_told_which_one_fits()
    {
        const string id = "xunit.v3.extensibility.core";
        string later = $"5.0.0-test.g{Guid.NewGuid():N}",
            folder = feed.NewProject("net10.0", (id, later), ("TestHarness.Xunit", feed.Version));

        (await BuildFailsAsync(folder, $"-p:RestoreAdditionalProjectSources={await feed.PackEmptyAsync(id, later)}"))
            .Should()
            .Contain(
                "error TESTHARNESS003: The package TestHarness.Xunit works with xunit.v3 from 3.2.2 to below 5.0.0, and "
                    + $"Project.csproj has {later}"
            )
            .And.Contain("dotnet add package xunit.v3 --version 3.2.2");
    }

    private static string Read(ZipArchive package, string file)
    {
        using var reader = new StreamReader(package.GetEntry(file)!.Open());
        return reader.ReadToEnd();
    }

    private async Task<string> FailsToBuildAsync(string framework, params (string Id, string Version)[] references)
    {
        string folder = feed.NewProject(framework, references);
        // Both xunits have this attribute.
        bool hasXunit = references.Any(reference => reference.Id.StartsWith("xunit", StringComparison.Ordinal));
        await File.WriteAllTextAsync(
            Path.Combine(folder, "SomeTests.cs"),
            hasXunit ? "public class SomeTests { [Xunit.Fact] public void Passes() { } }" : "",
            Token
        );
        return await BuildFailsAsync(folder);
    }

    private static async Task<string> BuildFailsAsync(string folder, params string[] arguments)
    {
        (int exitCode, string output) = await Repository.RunAsync(
            "dotnet",
            ["build", folder, "-nodeReuse:false", .. arguments],
            environment: null,
            Token
        );
        exitCode.Should().NotBe(0, output);
        return output;
    }
}
