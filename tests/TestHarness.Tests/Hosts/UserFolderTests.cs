using FluentAssertions;
using TestHarness.Tests.Tool;
using Xunit;

namespace TestHarness.Tests.Hosts;

/// <summary>
/// A user without a home folder, and variables that have no absolute path in them: nothing lands below the current folder.
/// </summary>
[Fault(
    "`HOME` leads nowhere, or an `XDG_` variable has a relative path in it.",
    "An error names the variables to set. Nothing is written below the current folder."
)]
public sealed class UserFolderTests : IDisposable
{
    private const int User = 54321;

    private readonly string _root = Directory.CreateTempSubdirectory("home-").FullName;
    private readonly TestVmProgram _testvm;

    public UserFolderTests()
    {
        // As root the folders are fixed ones.
        _testvm = new TestVmProgram(_root)
        {
            Before = Environment.IsPrivilegedProcess ? ["unshare", $"--map-user={User}", $"--map-group={User}", "--"] : [],
        };
        foreach (string name in (string[])["TESTHARNESS_CACHE", "TESTHARNESS_DATA", "XDG_CACHE_HOME", "XDG_DATA_HOME"])
            _testvm.Environment[name] = null;
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("/no/such/home", null, "image", "TESTHARNESS_CACHE, XDG_CACHE_HOME or HOME")]
    [InlineData("/no/such/home", "relative", "image", "TESTHARNESS_CACHE, XDG_CACHE_HOME or HOME")]
    [InlineData("relative", null, "image", "TESTHARNESS_CACHE, XDG_CACHE_HOME or HOME")]
    [InlineData("/no/such/home", null, null, "TESTHARNESS_DATA, XDG_DATA_HOME or HOME")]
    public async Task Names_what_to_set_where_there_is_no_home(string home, string? xdg, string? command, string variables)
    {
        _testvm.Environment["HOME"] = home;
        _testvm.Environment["XDG_CACHE_HOME"] = _testvm.Environment["XDG_DATA_HOME"] = xdg;
        Directory.CreateDirectory(Path.Combine(_root, "relative"));

        (int exitCode, string output, string error) = await _testvm.RunAsync([.. command is null ? [] : (string[])[command], "list"]);

        error
            .Should()
            .Be(
                $"This user has no home folder.\nHOME: {home} (no such folder, or no absolute path)\nTry: set {variables} to an "
                    + "absolute path of a folder that this user can write.\n",
                output
            );
        exitCode.Should().Be(2);
        Directory.GetFileSystemEntries(_root, "*", SearchOption.AllDirectories).Should().Equal(Path.Combine(_root, "relative"));
    }

    [Fact]
    public async Task A_variable_that_is_not_absolute_counts_for_nothing()
    {
        _testvm.Environment["HOME"] = Directory.CreateDirectory(Path.Combine(_root, "home")).FullName;
        _testvm.Environment["XDG_CACHE_HOME"] = _testvm.Environment["XDG_DATA_HOME"] = _testvm.Environment["XDG_RUNTIME_DIR"] = "relative";
        _testvm.Environment["TESTHARNESS_RUN"] = null;

        (await _testvm.RunAsync("image", "list")).ExitCode.Should().Be(0);
        (await _testvm.RunAsync("clean")).Error.Should().StartWith("/tmp/testharness-");

        Directory.Exists(Path.Combine(_root, "relative")).Should().BeFalse();
        if (Environment.IsPrivilegedProcess)
            Directory.Delete($"/tmp/testharness-{User}", recursive: true);
    }

    [Fact]
    public async Task Machines_are_listed_without_a_home_that_nothing_of_them_needs()
    {
        foreach (string name in (string[])["TESTHARNESS_CACHE", "TESTHARNESS_DATA"])
            _testvm.Environment.Remove(name);
        _testvm.Environment["HOME"] = "/no/such/home";
        string folder = Directory.CreateDirectory(Path.Combine(_testvm.Data, "machines/web")).FullName;
        await File.WriteAllTextAsync(
            Path.Combine(folder, "machine.json"),
            """{ "image": "tiny", "created": "2026-01-01T00:00:00Z" }""",
            TestContext.Current.CancellationToken
        );

        (int exitCode, string output, string error) = await _testvm.RunAsync("list", "--json");

        exitCode.Should().Be(0, error);
        output.Should().Contain("\"web\"");
    }
}
