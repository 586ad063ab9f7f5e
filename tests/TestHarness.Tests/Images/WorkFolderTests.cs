using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>What killed processes leave is removed by the next one, and what is in use is left alone.</summary>
public sealed class WorkFolderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("work, ä ").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void The_next_one_removes_what_a_killed_process_left_and_says_so()
    {
        string left = Path.Combine(_root, new string('d', 32));
        Directory.CreateDirectory(Path.Combine(left, "ready"));
        File.WriteAllBytes(Path.Combine(left, "ready", "disk.qcow2"), new byte[3 * 1024 * 1024]);
        File.WriteAllText($"{left}.lock", "process 1");
        var steps = new List<string>();

        using (
            WorkFolder theirs = WorkFolder.Create(_root, null),
                ours = WorkFolder.Create(_root, null)
        )
        {
            Directory.Exists(left).Should().BeFalse();
            Directory.CreateDirectory(left);
            File.WriteAllBytes(Path.Combine(left, "disk.qcow2"), new byte[3 * 1024 * 1024]);
            File.WriteAllText($"{left}.lock", "process 1");
            File.WriteAllText(Path.Combine(theirs.Path, "half"), "");

            WorkFolder.Sweep(_root, new Steps(steps));

            File.Exists(Path.Combine(theirs.Path, "half")).Should().BeTrue("its owner is at work");
            Directory.Exists(ours.Path).Should().BeTrue();
        }

        steps.Should().Equal($"removed what a process that was killed had left: {left} (3 MiB)");
        Directory.GetFileSystemEntries(_root).Should().BeEmpty();
    }

    [Fact]
    public void Nothing_is_removed_that_has_not_our_mark_and_the_shape_of_our_names()
    {
        string notes = Path.Combine(_root, "notes"),
            other = Path.Combine(_root, new string('e', 32));
        foreach (string folder in (string[])[notes, other])
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText($"{folder}.lock", folder == notes ? "process 1" : "mine");
        }

        WorkFolder.Sweep(_root, null);

        Directory.GetFileSystemEntries(_root).Should().BeEquivalentTo(notes, $"{notes}.lock", other, $"{other}.lock");
        File.ReadAllText($"{other}.lock").Should().Be("mine");
    }

    private sealed class Steps(List<string> all) : IProgress<StartProgress>
    {
        public void Report(StartProgress value) => all.Add(value.Step);
    }
}
