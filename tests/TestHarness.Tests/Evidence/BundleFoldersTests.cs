using FluentAssertions;
using TestHarness.Evidence;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Evidence;

[Fault(
    "Somebody else has made `/tmp/testharness-artifacts-UID` first.",
    "The evidence goes to a new folder beside it. A file there says why."
)]
public sealed class BundleFoldersTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("testharness-bundles-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("Class.Method(vm: tiny, n: 3)", "Class.Method_vm_tiny_n_3")]
    [InlineData("../../etc/passwd", "etc_passwd")]
    [InlineData("ünïcode \u001b[31m\n", "n_code_31m")]
    [InlineData("...", "unnamed")]
    [InlineData("", "unnamed")]
    public void Makes_names_that_every_file_system_takes(string test, string name) => BundleFolders.Safe(test).Should().Be(name);

    [Fact]
    public void Deletes_old_runs_but_the_last_ten_and_nothing_else()
    {
        string[] old = [.. Enumerable.Range(10, 12).Select(day => $"202601{day}-120000-{day}")];
        string[] kept = ["20260221-235959-1", "20260225-000000-2", "mine", "20269999-120000-1"];
        foreach (string name in old.Concat(kept))
            MakeRun(name);
        Directory.CreateDirectory($"{_root}/20260101-120000-1/somebody else's");
        kept = [.. kept, "20260101-120000-1"];

        BundleFolders.Prune(_root, new DateTime(2026, 2, 28, 12, 0, 0, DateTimeKind.Utc));

        Directory.GetDirectories(_root).Select(Path.GetFileName).Should().BeEquivalentTo(old[4..].Concat(kept));
    }

    private void MakeRun(string name)
    {
        string made = BundleFolders.Make(_root, "T.M", "tiny-1");
        Directory.Move(Path.GetDirectoryName(made)!, Path.Combine(_root, name));
    }

    [Theory]
    [InlineData("a link that somebody made")]
    [InlineData("open to all")]
    [InlineData("a file")]
    public void Goes_elsewhere_where_somebody_else_was_first_in_the_temporary_folder(string what)
    {
        string usual = $"{_root}/testharness-artifacts-{Native.EffectiveUserId()}",
            theirs = Directory.CreateDirectory($"{_root}/theirs").FullName;
        if (what.StartsWith("a link", StringComparison.Ordinal))
            File.CreateSymbolicLink(usual, theirs);
        else if (what == "a file")
            File.WriteAllText(usual, "");
        else
            File.SetUnixFileMode(Directory.CreateDirectory(usual).FullName, (UnixFileMode)0x1ff);

        string root = BundleFolders.TemporaryRoot(_root);

        root.Should().StartWith($"{usual}-").And.Be(BundleFolders.TemporaryRoot(_root), "one for all evidence of the process");
        File.GetUnixFileMode(root).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.ReadAllText($"{root}/why-here.txt").Should().StartWith($"The evidence is here, because '{usual}' can't be used: ");
        Directory.GetFileSystemEntries(theirs).Should().BeEmpty();
    }

    [Fact]
    public void Goes_to_the_usual_place_in_the_temporary_folder_where_that_is_its_own()
    {
        string usual = $"{_root}/testharness-artifacts-{Native.EffectiveUserId()}";

        BundleFolders.TemporaryRoot(_root).Should().Be(usual).And.Be(BundleFolders.TemporaryRoot(_root));
    }

    [Fact]
    public void Cuts_a_long_name() => BundleFolders.Safe(new string('a', 500)).Should().HaveLength(120);

    [Fact]
    public void Names_a_folder_without_making_it_and_gives_it_to_nobody_else()
    {
        string named = BundleFolders.Name(_root, "T.M", "tiny-1");

        Directory.GetFileSystemEntries(_root).Should().BeEmpty();
        BundleFolders.Make(_root, "T.M", "tiny-1").Should().Be($"{named}-2");
    }

    [Fact]
    public void Never_gives_the_same_folder_twice()
    {
        string first = BundleFolders.Make(_root, "T.M", "tiny-1");
        string second = BundleFolders.Make(_root, "T.M", "tiny-1");

        Path.GetFileName(first).Should().Be("T.M.tiny-1");
        second.Should().Be($"{first}-2");
        Path.GetFileName(Path.GetDirectoryName(first))
            .Should()
            .MatchRegex($"^[0-9]{{8}}-[0-9]{{6}}-{Environment.ProcessId}$", "another run has another folder");
        File.GetUnixFileMode(first).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
