using System.Diagnostics;
using FluentAssertions;
using TestHarness.MachineTests.Templates;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>An image whose disk was damaged after it was built, with its size as it was.</summary>
[Fault(
    "An image's disk is damaged, or its header is random. `qemu-img` is the judge in the tests.",
    "`ImageException` names the file and the remedy, before QEMU starts. The check costs less than 1 ms.",
    "QcowHeaderTests"
)]
public sealed class CorruptImageTests(Tiny tiny)
{
    [Theory]
    [InlineData("header", 4, 60)]
    [InlineData("first-level table", -1, 2)]
    public async Task Is_refused_before_QEMU_starts(string what, int at, int count)
    {
        using var cache = new ImageCopy(await UsualCache.ImageFolderOfAsync(tiny.Machine, TestContext.Current.CancellationToken));
        cache.Spoil(at, count);
        using var program = new SampleProgram(cache.Folder);
        var since = Stopwatch.StartNew();

        (int exitCode, string output) = await program.RunAsync("run");

        exitCode.Should().Be(1, $"the {what} is damaged: {output}");
        output
            .Should()
            .Contain("ImageException: Image 'tiny': its disk is damaged.")
            .And.Contain($"File: {cache.Disk}")
            .And.Contain("Reason: ")
            .And.Contain($"Try: rm -r '{Path.GetDirectoryName(cache.Disk)}'; the next start builds the image again.");
        since.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(10));
        Directory.Exists(Path.Combine(cache.Folder, "templates")).Should().BeFalse("nothing was started");
        await program.AssertNothingStaysAsync();
    }
}
