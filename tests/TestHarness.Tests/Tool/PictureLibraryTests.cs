using FluentAssertions;
using TestHarness.Tests.Screens;
using Xunit;

namespace TestHarness.Tests.Tool;

/// <summary>A host that can't load the library that reads pictures.</summary>
public sealed class PictureLibraryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("pictures-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Its_absence_is_named_with_the_way_out()
    {
        string program = Directory.CreateDirectory(Path.Combine(_root, "program")).FullName;
        foreach (string file in Directory.EnumerateFiles(AppContext.BaseDirectory))
            File.Copy(file, Path.Combine(program, Path.GetFileName(file)));
        string goldens = Directory.CreateDirectory(Path.Combine(_root, "goldens")).FullName;
        byte[] picture = Screenshot.FromPixels(2, 1, [0xFF0000FF, 0xFF00FF00]).Png.ToArray();
        await File.WriteAllBytesAsync(Path.Combine(goldens, "boot.verified.png"), picture, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(Path.Combine(goldens, "boot.received.png"), picture, TestContext.Current.CancellationToken);

        (int exitCode, _, string error) = await new TestVmProgram(_root) { Folder = program }.RunAsync("goldens", "diff", goldens);

        exitCode.Should().Be(2, error);
        error
            .Should()
            .StartWith("Pictures can't be read and written: libSkiaSharp.so, which SkiaSharp needs, can't be loaded.\n")
            .And.Contain("dotnet build -r linux-")
            .And.NotContain("   at ");
    }
}
