using System.Diagnostics;
using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

public sealed class FolderRemovalTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("removal, ä ").FullName;

    private string Folder => Path.Combine(_root, "folder");

    private string Outside => Path.Combine(_root, "outside");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Removes_all_that_is_in_it_and_nothing_that_a_link_leads_to()
    {
        Directory.CreateDirectory(Path.Combine(Folder, "a/b/c"));
        Directory.CreateDirectory(Path.Combine(Outside, "kept"));
        File.WriteAllText(Path.Combine(Outside, "kept/file"), "kept");
        File.WriteAllText(Path.Combine(Folder, "a/b/file"), "");
        File.CreateSymbolicLink(Path.Combine(Folder, "a/out"), Outside);
        File.CreateSymbolicLink(Path.Combine(Folder, "a/nowhere"), "/nowhere");
        // A name that .NET can't say.
        using (Process touch = Process.Start("sh", ["-c", "touch \"$1/$(printf 'a\\377b')\"", "sh", Folder]))
            touch.WaitForExit();

        FolderRemoval.Remove(Folder);

        Directory.Exists(Folder).Should().BeFalse();
        File.ReadAllText(Path.Combine(Outside, "kept/file")).Should().Be("kept");
    }

    [Fact]
    public void Removes_a_link_in_its_place_and_minds_nothing_that_is_not_there()
    {
        Directory.CreateDirectory(Outside);
        File.CreateSymbolicLink(Folder, Outside);

        FolderRemoval.Remove($"{Folder}/");
        FolderRemoval.Remove(Folder);

        Directory.GetFileSystemEntries(_root).Should().Equal(Outside);
    }

    [Fact]
    public async Task Does_not_follow_a_folder_that_a_process_beside_makes_a_link_over_and_over()
    {
        Directory.CreateDirectory(Outside);
        File.WriteAllText(Path.Combine(Outside, "file"), "kept");
        using var end = new CancellationTokenSource();
        var began = new TaskCompletionSource();
        Task racing = HelperProgram.RunAsync(
            "sh",
            [
                "-c",
                "echo; while :; do mkdir -p folder/sub/a; : > folder/sub/a/file; mv folder/sub/a folder/sub/b; ln -s "
                    + "../../outside folder/sub/a; rm -rf folder/sub/a folder/sub/b; done 2> /dev/null",
            ],
            new HelperOptions { WorkingDirectory = _root, OnOutputLine = _ => began.TrySetResult() },
            end.Token
        );
        await began.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        for (int attempt = 0; attempt < 300; attempt++)
            Record.Exception(() => FolderRemoval.Remove(Folder));

        await end.CancelAsync();
        await racing.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
        File.ReadAllText(Path.Combine(Outside, "file")).Should().Be("kept");
    }

    [Fact]
    public void Says_that_folders_lie_too_deep_in_each_other()
    {
        string deep = Path.Combine([Folder, .. Enumerable.Repeat("d", 300)]);
        Directory.CreateDirectory(deep);

        FluentActions
            .Invoking(() => FolderRemoval.Remove(Folder))
            .Should()
            .Throw<IOException>()
            .WithMessage($"Removing '{Folder}' failed: its folders lie too deep in each other.");
    }

    [Fact]
    public void A_lock_is_not_written_over_a_file_of_somebody_elses()
    {
        File.WriteAllText(Folder, "my notes");

        FluentActions
            .Invoking(() => FileLock.TryTake(Folder))
            .Should()
            .Throw<IOException>()
            .WithMessage($"'{Folder}' is in the way: it is a file of somebody else's, and no lock.");

        File.ReadAllText(Folder).Should().Be("my notes");
    }
}
