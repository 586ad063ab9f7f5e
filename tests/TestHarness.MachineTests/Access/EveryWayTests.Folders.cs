using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Access;

// Whole folders.
public abstract partial class EveryWayTests
{
    [Fact]
    public async Task Pushes_a_folder_and_pulls_it_back_as_it_is()
    {
        using var here = new Tree(("in/sub/it's \"odd\" ä\n", "a"), ("in/program", "b"));
        File.CreateSymbolicLink($"{here}/in/link", "program");
        File.SetUnixFileMode($"{here}/in/program", UnixFileMode.UserRead | UnixFileMode.UserExecute);

        await Vm.Files.PushAsync($"{here}/in/", $"{Folder}/new/there/", cancellationToken: Token);
        await Vm.Files.PullAsync($"{Folder}/new/there", $"{here}/out/", cancellationToken: Token);

        File.ReadAllText($"{here}/out/there/sub/it's \"odd\" ä\n").Should().Be("a");
        File.GetUnixFileMode($"{here}/out/there/program").Should().Be(UnixFileMode.UserRead | UnixFileMode.UserExecute);
        new FileInfo($"{here}/out/there/link").LinkTarget.Should().Be("program");
    }

    [Fact]
    public async Task Leaves_out_and_deletes_as_asked()
    {
        using var here = new Tree(("in/keep.txt", "1"), ("in/skip.log", "2"));
        await Shell.RunAsync($"mkdir {Folder}; touch {Folder}/old", cancellationToken: Token);

        await Vm.Files.PushAsync($"{here}/in/", $"{Folder}/", new SyncOptions { Exclude = ["*.log"], Delete = true }, Token);

        (await Shell.RunAsync($"ls {Folder}", cancellationToken: Token)).Should().HaveOutput("keep.txt");
    }

    [Fact]
    public async Task Gives_what_is_pushed_the_owner_and_the_permissions_that_were_asked_for()
    {
        using var here = new Tree(("in/file", "1"));

        await Vm.Files.PushAsync(
            $"{here}/in/",
            $"{Folder}/",
            new SyncOptions { Owner = "nobody:nogroup", Permissions = "D750,F640" },
            Token
        );

        (await Shell.RunAsync($"cd {Folder}; stat -c '%U:%G %a %n' . file", cancellationToken: Token))
            .Should()
            .HaveOutput("nobody:nogroup 750 .\nnobody:nogroup 640 file");
    }

    [Fact]
    public async Task Tells_what_it_changed_and_before_that_what_it_would()
    {
        using var here = new Tree(("tree/new ä\n\"it's\".txt", "12345"), ("tree/changed", "now longer"), ("tree/sub/same", "x"));
        await Vm.Files.PushAsync($"{here}/tree/", $"{Folder}/", cancellationToken: Token);
        await Shell.RunAsync($"cd {Folder} && rm new* && echo old > changed && touch gone && chmod 700 sub/same", cancellationToken: Token);
        var options = new SyncOptions { Delete = true, DryRun = true };

        SyncResult would = await Vm.Files.PushAsync($"{here}/tree/", $"{Folder}/", options, Token);
        (await Shell.RunAsync($"ls {Folder}", cancellationToken: Token))
            .Should()
            .HaveOutput("changed\ngone\nsub", "a dry run changes nothing");
        SyncResult did = await Vm.Files.PushAsync($"{here}/tree/", $"{Folder}/", options with { DryRun = false }, Token);
        SyncResult nothing = await Vm.Files.PushAsync($"{here}/tree/", $"{Folder}/", options, Token);

        would
            .Changes.Where(change => change.Path != "./")
            .Should()
            .BeEquivalentTo([
                new SyncChange(SyncChangeKind.Deleted, "gone"),
                new SyncChange(SyncChangeKind.Created, "new ä\n\"it's\".txt"),
                new SyncChange(SyncChangeKind.Updated, "changed"),
                new SyncChange(SyncChangeKind.AttributesSet, "sub/same"),
            ]);
        did.Should().BeEquivalentTo(would);
        did.Bytes.Should().Be(15);
        nothing.Changes.Should().BeEmpty();
    }

    [Fact]
    public async Task Names_the_folder_that_is_missing()
    {
        using var here = new Tree();

        await Vm
            .Files.Invoking(files => files.PushAsync($"{here}/nothing", "/tmp/", cancellationToken: Token))
            .Should()
            .ThrowAsync<FileNotFoundException>()
            .WithMessage("*nothing*does not exist*");
        await Vm
            .Files.Invoking(files => files.PullAsync("/no/such/file", $"{here}/", cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*/no/such/file*No such file*");
        await Vm
            .Files.Invoking(files => files.PullAsync("/etc/nothing", $"{here}", cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*/etc/nothing*No such file*");
        await Vm
            .Files.Invoking(files => files.PushAsync($"{here}", "relative/", cancellationToken: Token))
            .Should()
            .ThrowAsync<ArgumentException>()
            .WithMessage("*\"relative/\" is not absolute*");
    }

    /// <summary>A folder on the host, with files in it.</summary>
    private sealed class Tree : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("testharness-tree-").FullName;

        public Tree(params (string Path, string Text)[] files)
        {
            foreach ((string path, string text) in files)
            {
                Directory.CreateDirectory(Path.GetDirectoryName($"{_folder}/{path}")!);
                File.WriteAllText($"{_folder}/{path}", text);
            }
        }

        public void Dispose() => Directory.Delete(_folder, recursive: true);

        public override string ToString() => _folder;
    }
}
