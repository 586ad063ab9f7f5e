using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>Paths in a folder that holds a guest's files.</summary>
public sealed class GuestTreeTests : IDisposable
{
    private readonly string _tree = Directory.CreateTempSubdirectory("tree").FullName;

    public GuestTreeTests()
    {
        Directory.CreateDirectory(Path.Combine(_tree, "usr/lib"));
        File.CreateSymbolicLink(Path.Combine(_tree, "lib"), "usr/lib");
        File.CreateSymbolicLink(Path.Combine(_tree, "absolute"), "/etc");
        File.CreateSymbolicLink(Path.Combine(_tree, "escape"), "../../../../etc");
        File.CreateSymbolicLink(Path.Combine(_tree, "circle"), "/circle");
    }

    public void Dispose() => Directory.Delete(_tree, recursive: true);

    [Theory]
    [InlineData("/lib/modules", "usr/lib/modules")]
    [InlineData("/absolute/motd", "etc/motd")]
    [InlineData("/escape/motd", "etc/motd")]
    [InlineData("/lib/../x", "usr/x")]
    [InlineData("/lib", "lib")]
    [InlineData("//usr/./lib/", "usr/lib")]
    public void Follows_links_as_the_guest_would(string path, string expected) => TreePath.Resolve(_tree, path).Should().Be(expected);

    [Fact]
    public void Refuses_links_in_circles()
    {
        Action resolve = () => TreePath.Resolve(_tree, "/circle/x");

        resolve.Should().Throw<InvalidDataException>().WithMessage("*'/circle/x'*");
    }

    [Fact]
    public void Finds_the_files_that_are_not_kept()
    {
        string[] paths =
        [
            "/bin",
            "/bin/sh",
            "/lib",
            "/lib/m",
            "/lib/m/a.ko",
            "/lib/libc.so.6",
            "/lib/libc.so.6.old",
            "/usr",
            "/usr/share",
            "/usr/share/doc",
        ];
        var patterns = new PathPatterns(["/lib/m", "/lib/libc.so.*6", "/usr/**/doc", "/s*in"]);

        patterns.FindSuperfluous(paths).Should().Equal("/bin", "/bin/sh", "/lib/libc.so.6.old");
        patterns.Unused.Should().Equal("/s*in");
    }
}
