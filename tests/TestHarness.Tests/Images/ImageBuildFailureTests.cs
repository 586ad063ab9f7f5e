using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>Builds that fail early, with the real programs.</summary>
public sealed class ImageBuildFailureTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("build, \"ä ").FullName;

    private string Images => Path.Combine(_folder, "images");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Shows_the_step_and_its_output_when_a_package_is_unknown()
    {
        Func<Task> build = () => BuildAsync("bookworm", "no-such-package");

        ImageException failure = (await build.Should().ThrowAsync<ImageException>()).Which;
        failure
            .Message.Should()
            .Match(
                """
                Image 'recipe': the step 'packages' failed.
                Command: unshare *mmdebstrap *no-such-package*
                Exit code: *
                Output (last * lines):
                *E: Unable to locate package no-such-package*
                Try: correct the package's name in the recipe; the suite has none of that name.
                """
            );
        Directory.GetDirectories(Path.Combine(Images, "recipe")).Should().BeEmpty();
    }

    [Fact]
    public async Task Says_where_packages_could_come_from_when_the_suite_is_unknown()
    {
        Func<Task> build = () => BuildAsync("no-such-suite", "rsync");

        (await build.Should().ThrowAsync<ImageException>()).WithMessage(
            "Image 'recipe': there is no package source for debian no-such-suite.*Try: sudo apt-get update*TESTHARNESS_MIRROR*"
        );
    }

    private Task<GuestImage> BuildAsync(string suite, string package)
    {
        string recipe = Directory.CreateDirectory(Path.Combine(_folder, "recipe")).FullName;
        File.WriteAllText(
            Path.Combine(recipe, "recipe.json"),
            $$"""
            {
              "distribution": "debian", "suite": "{{suite}}", "architecture": "amd64", "variant": "extract", "packages": ["{{package}}"],
              "kernel": { "package": "linux-image-amd64" }, "disk": { "sizeMiB": 64 }
            }
            """
        );
        return new ImageCache(Images).GetAsync(recipe, ImageBuildMode.IfMissing, null, TestContext.Current.CancellationToken);
    }
}
