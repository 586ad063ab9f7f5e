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
    public void A_lock_is_not_written_over_a_file_of_somebody_elses()
    {
        File.WriteAllText(Folder, "my notes");

        FluentActions.Invoking(() => FileLock.TryTake(Folder)).Should().Throw<IOException>().WithMessage($"'{Folder}' is in the way: it is a file of somebody else's, and no lock.");

        File.ReadAllText(Folder).Should().Be("my notes");
    }
}
