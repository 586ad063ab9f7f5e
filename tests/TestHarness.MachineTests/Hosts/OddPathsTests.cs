using System.Diagnostics;
using System.Text.Json;
using FluentAssertions;
using TestHarness.MachineTests.Templates;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

public sealed class OddPathsTests(Tiny tiny)
{
    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Boots_when_cache_run_folder_and_image_have_odd_names()
    {
        // /var/tmp: as root QEMU runs as another user, who must be able to pass through; a temporary folder of .NET's is closed to others.
        string folder = Directory.CreateDirectory($"/var/tmp/th-{Guid.NewGuid():N}"[..20] + ",\" ä").FullName;
        try
        {
            string image = Path.Combine(folder, "im,a\"g ä");
            CopyFolder(Path.Combine(Repository.Root, "images/tiny"), image);
            string script = Path.Combine(Repository.Root, $"examples/Quickstart/bin/{Repository.Configuration}/net10.0/Quickstart.dll");

            (int exitCode, string output) = await Repository.RunAsync(
                "dotnet",
                [script, image],
                new Dictionary<string, string>
                {
                    ["TESTHARNESS_CACHE"] = Path.Combine(folder, "ca,c\"h ä"),
                    ["TESTHARNESS_RUN"] = Path.Combine(folder, "r,u\" ä"),
                    ["TMPDIR"] = folder,
                },
                TestContext.Current.CancellationToken
            );

            output.Should().Contain("uname -sr -> Linux 6.");
            exitCode.Should().Be(0);
            await AssertReapedAsync(Path.Combine(folder, "r,u\" ä"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task QEMU_opens_the_disks_that_were_meant_whatever_their_paths_have_in_them()
    {
        string cache = Directory
            .CreateDirectory($"/var/tmp/th-{Guid.NewGuid():N}"[..20] + ",,readonly=off,file.driver=x %s -m 'ä\"")
            .FullName;
        try
        {
            File.CreateSymbolicLink(
                Path.Combine(cache, "images"),
                await UsualCache.ImagesOfAsync(tiny.Machine, TestContext.Current.CancellationToken)
            );
            using var program = new SampleProgram(cache);

            (int exitCode, string output) = await program.RunAsync("nodes");

            exitCode.Should().Be(0, output);
            using JsonDocument reply = JsonDocument.Parse(
                output.Split('\n').Single(line => line.StartsWith("query-named-block-nodes ", StringComparison.Ordinal)).Split(' ', 2)[1]
            );
            // The files that are open, and whether they may be written to: the machine's own two, and the image.
            (string File, bool ReadOnly)[] files =
            [
                .. reply
                    .RootElement.GetProperty("return")
                    .EnumerateArray()
                    .Where(node => node.GetProperty("drv").GetString() == "file")
                    .Select(node => (node.GetProperty("file").GetString()!, node.GetProperty("ro").GetBoolean())),
            ];
            files.Should().HaveCount(3).And.Contain(("disk.qcow2", false)).And.Contain(("extra-0.qcow2", false));
            files
                .Should()
                .ContainSingle(file => file.ReadOnly)
                .Which.File.Should()
                .StartWith(cache + "/images/tiny/")
                .And.EndWith("/disk.qcow2");
        }
        finally
        {
            Directory.Delete(cache, recursive: true);
        }
    }

    // The reaper removes the process's folder a moment after the process has ended.
    private static async Task AssertReapedAsync(string runFolder)
    {
        static bool IsProcess(string folder) => Path.GetFileName(folder).Contains('-', StringComparison.Ordinal);
        var since = Stopwatch.StartNew();
        while (Directory.GetDirectories(runFolder).Any(IsProcess) && since.Elapsed < TimeSpan.FromSeconds(5))
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Directory.GetDirectories(runFolder).Where(IsProcess).Should().BeEmpty("the run folder is cleaned up");
    }

    private static void CopyFolder(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
