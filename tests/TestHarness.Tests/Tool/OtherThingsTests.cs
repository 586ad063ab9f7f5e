using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Tool;

/// <summary>Folders that were named by mistake, and people's own things beside the library's: nothing of them is ever removed.</summary>
[Fault(
    "A run folder, a folder for disks or a name in the cache belongs to somebody. For example, `TESTHARNESS_RUN` is "
        + "a home folder. Or notes lie beside images, templates or a machine of `testvm`.",
    "A run folder or a folder for disks with other things in it is refused by name. The library removes only what "
        + "has its mark and the shape of its names. It follows no link.",
    "FolderRemovalTests",
    "KeptDisksTests",
    "TemplateEvictionTests",
    "WorkFolderTests",
    "ImageCacheTests",
    "BundleFoldersTests"
)]
public sealed class OtherThingsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("others-").FullName;
    private readonly TestVmProgram _testvm;

    public OtherThingsTests() => _testvm = new TestVmProgram(_root);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("photos/cat.jpg", "photos")]
    [InlineData("notes.txt", "notes.txt")]
    [InlineData(".bashrc", ".bashrc")]
    [InlineData("123-abcd.old/x", "123-abcd.old")]
    [InlineData("web.0123abcd", "web.0123abcd")]
    [InlineData("ledger/2026.taken", "ledger")]
    public async Task A_folder_with_other_things_in_it_is_refused_as_a_run_folder(string file, string named)
    {
        Write($"run/{file}", "mine");

        (int exitCode, _, string error) = await _testvm.RunAsync("clean");

        exitCode.Should().Be(2, error);
        error
            .Should()
            .Be(
                $"The run folder '{_testvm.Run}' can't be used.\nReason: it has things in it that are not TestHarness's: "
                    + $"'{named}'\nTry: set TESTHARNESS_RUN to a folder that is empty, or that does not exist yet.\n"
            );
        Read($"run/{file}").Should().Be("mine");
        Directory
            .GetFileSystemEntries(_testvm.Run, "*", SearchOption.AllDirectories)
            .Should()
            .NotContain(path => path.EndsWith("/lock"), "nothing is made there");
    }

    [Fact]
    public async Task Clean_removes_only_what_has_our_mark_and_the_shape_of_our_names()
    {
        Write("run/123-abcd/lock", "not a lock");
        Write("run/124-abcd/notes.txt", "mine");
        Write("run/125-abcd/lock", "");
        Write("run/125-abcd/notes.txt", "mine");
        Write("run/126-abcd/lock", "process 1");
        Write("run/126-abcd/1/disk.qcow2", "left");
        Write("run/127-abcd/lock", "");
        Directory.CreateDirectory(Path.Combine(_testvm.Run, "128-abcd"));
        Write("outside/kept", "mine");
        File.CreateSymbolicLink(Path.Combine(_testvm.Run, "126-abcd/1/out"), Path.Combine(_root, "outside"));

        (int exitCode, _, string error) = await _testvm.RunAsync("clean");

        exitCode.Should().Be(0, error);
        foreach (string gone in (string[])["126-abcd", "127-abcd", "128-abcd"])
            Directory.Exists(Path.Combine(_testvm.Run, gone)).Should().BeFalse(gone);
        (Read("run/123-abcd/lock"), Read("run/124-abcd/notes.txt"), Read("run/125-abcd/notes.txt"), Read("outside/kept"))
            .Should()
            .Be(("not a lock", "mine", "mine", "mine"));
    }

    [Fact]
    public async Task A_file_named_lock_is_not_written_over()
    {
        Write("run/lock", "my notes");

        (int exitCode, _, string error) = await _testvm.RunAsync("clean");

        (exitCode, Read("run/lock")).Should().Be((2, "my notes"), error);
        error.Should().Contain($"'{_testvm.Run}/lock' is in the way");
    }

    [Fact]
    public async Task Delete_leaves_what_somebody_keeps_beside_a_machine()
    {
        Machine("web");
        Write("data/machines/web/notes.txt", "mine");
        Write("data/machines/web/disks/disks/backup.tar", "mine");
        Machine("db");

        (int exitCode, _, string error) = await _testvm.RunAsync("delete", "web");

        exitCode.Should().Be(0, error);
        error.Should().StartWith("Machine 'web' is gone; '").And.EndWith("' is not testvm's, and stays.\n");
        Directory
            .GetFiles(Path.Combine(_testvm.Data, "machines/web"), "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(_testvm.Data, file))
            .Should()
            .BeEquivalentTo("machines/web/notes.txt", "machines/web/disks/disks/backup.tar");
        (await _testvm.RunAsync("delete", "db")).Error.Should().BeEmpty();
        Directory.Exists(Path.Combine(_testvm.Data, "machines/db")).Should().BeFalse();
        (await _testvm.RunAsync("list", "--json")).Output.Should().Be("[]\n");
    }

    [Fact]
    public async Task Delete_takes_a_link_away_and_not_what_it_leads_to()
    {
        Machine("elsewhere");
        string elsewhere = Path.Combine(_root, "elsewhere");
        Directory.Move(Path.Combine(_testvm.Data, "machines/elsewhere"), elsewhere);
        File.CreateSymbolicLink(Path.Combine(_testvm.Data, "machines/web"), elsewhere);

        (int exitCode, _, string error) = await _testvm.RunAsync("delete", "web");

        (exitCode, error).Should().Be((0, $"Machine 'web' is gone; '{elsewhere}' is not testvm's, and stays.\n"));
        File.Exists(Path.Combine(elsewhere, "disks/disks/disk.qcow2")).Should().BeTrue();
    }

    [Fact]
    public async Task A_machine_that_does_not_start_takes_nothing_with_it_that_lay_in_its_folder()
    {
        Write("data/machines/web/notes.txt", "mine");
        string programs = Directory.CreateDirectory(Path.Combine(_root, "programs")).FullName;
        // All but these are missing, QEMU among them.
        foreach (string name in (string[])["setsid", "sh"])
            File.CreateSymbolicLink(Path.Combine(programs, name), Prerequisites.Find(name));
        _testvm.Environment["PATH"] = programs;

        (int exitCode, _, string error) = await _testvm.RunAsync("up", "web", "--image", "tiny");

        // Which failure it is depends on whether the process that keeps the machine is asked before it has ended.
        exitCode.Should().NotBe(0, error);
        Read("data/machines/web/notes.txt").Should().Be("mine");
        File.Exists(Path.Combine(_testvm.Data, "machines/web/machine.json")).Should().BeFalse("there is no such machine");
    }

    [Fact]
    public async Task Delete_refuses_a_folder_whose_machine_json_is_another_programs()
    {
        Write("data/machines/web/machine.json", """{ "cpu": 2 }""");
        Write("data/machines/web/disks/disk.qcow2", "mine");

        (int exitCode, _, string error) = await _testvm.RunAsync("delete", "web");

        (exitCode, Read("data/machines/web/disks/disk.qcow2")).Should().Be((1, "mine"), error);
        error.Should().Contain("can't be read");
    }

    private void Machine(string name)
    {
        Write($"data/machines/{name}/machine.json", """{ "image": "tiny", "created": "2026-01-01T00:00:00Z" }""");
        Write($"data/machines/{name}/log", "");
        Write($"data/machines/{name}/disks/image", "/images/disk.qcow2");
        Write($"data/machines/{name}/disks/lock", "process 1");
        Write($"data/machines/{name}/disks/disks/disk.qcow2", "");
    }

    private void Write(string file, string text)
    {
        string path = Path.Combine(_root, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private string Read(string file) => File.ReadAllText(Path.Combine(_root, file));
}
