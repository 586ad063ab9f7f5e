using System.Diagnostics;
using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>Images that go from one store to another, as a person takes them.</summary>
public sealed class ImageTransferTests : IDisposable
{
    private readonly TestVm _tool = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _tool.Dispose();

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_packaged_image_boots_where_it_was_imported()
    {
        string package = Path.Combine(_tool.Root, "tiny.tar.zst");
        // The image of this store, whichever cache the tests have.
        _tool.With("TESTHARNESS_CACHE", CacheFolder.Path);
        await _tool.DoAsync("image", "build", "tiny");
        (await _tool.DoAsync("image", "package", "tiny", package)).Should().Be($"{package}\n");
        UseEmptyStore();

        (int exitCode, string output, string error) = await _tool.RunAsync("image", "import", package, "--name", "mine");

        exitCode.Should().Be(0, error);
        error
            .Should()
            .Contain("Image 'mine' (")
            .And.Contain("KernelArguments = \"root=/dev/vda")
            .And.EndWith("Try: testvm up --image mine\n");
        string disk = output.TrimEnd();
        (await _tool.DoAsync("image", "list")).Should().MatchRegex(@"\nmine +disk +[0-9a-f]{16} +[0-9]+M ");
        (await _tool.DoAsync("image", "info", "mine")).Should().Contain($"disk:      {disk} (Qcow2, ").And.Contain("machines:  none");
        await _tool.DoAsync("up", "web", "--image", "mine", "--memory", "128M");
        (await _tool.DoAsync("shell", "web", "--", "uname", "-s")).Should().Be("Linux\n");
        (await _tool.RunAsync("image", "remove", "mine"))
            .Should()
            .Match<(int ExitCode, string Output, string Error)>(result =>
                result.ExitCode == 1 && result.Error.Contains("The disks of web lie on image 'mine'")
            );
        await _tool.DoAsync("delete", "web", "--force");
        await _tool.DoAsync("image", "remove", "mine");
        (await _tool.DoAsync("image", "list", "--json")).Should().Be("[]\n");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task An_import_that_is_killed_leaves_nothing_for_the_one_after_it()
    {
        UseEmptyStore();
        string disk = Path.Combine(_tool.Root, "big.raw"),
            package = Path.Combine(_tool.Root, "big.tar.zst"),
            work = Path.Combine(_tool.Root, "cache/work");
        // Long enough to be met half-way.
        await _tool.ScriptAsync($"head -c 400000000 /dev/urandom > {disk}");
        await _tool.DoAsync("image", "package", disk, package, "--name", "big");

        using (Process import = _tool.Start("image", "import", package))
        {
            while (
                !(
                    Directory.Exists(work)
                    && Directory.GetFiles(work, "disk.qcow2", SearchOption.AllDirectories).Any(file => new FileInfo(file).Length > 0)
                )
            )
            {
                import.HasExited.Should().BeFalse("it is met at work");
                await Task.Delay(2, Token);
            }

            import.Kill();
            await import.WaitForExitAsync(Token);
        }

        (await _tool.DoAsync("image", "list", "--json")).Should().Be("[]\n");
        (int exitCode, _, string error) = await _tool.RunAsync("image", "import", package);

        exitCode.Should().Be(0, error);
        error.Should().Contain($"removed what a process that was killed had left: {work}/");
        Directory.GetFileSystemEntries(work).Should().BeEmpty();
        (await _tool.DoAsync("image", "list")).Should().MatchRegex(@"\nbig +disk ");
    }

    private void UseEmptyStore()
    {
        const UnixFileMode open =
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        _tool.With("TESTHARNESS_CACHE", Directory.CreateDirectory(Path.Combine(_tool.Root, "cache"), open).FullName);
    }
}
