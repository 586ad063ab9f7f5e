using System.Diagnostics;
using System.Text.Json;
using FluentAssertions;
using TestHarness.Tests.Images;
using Xunit;

namespace TestHarness.Tests.Tool;

/// <summary><c>testvm image</c> as a person and a script see it: what is on which stream, and what it ends with.</summary>
public sealed class ImageCommandTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("testvm-").FullName;
    private readonly byte[] _disk = StreamTree.Disk(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Stored => Path.Combine(_root, "cache/images/sha256", StreamTree.Sum(_disk));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Pull_prints_the_path_and_the_list_has_the_name()
    {
        await using var server = new FileServer(request =>
            FileServer.Serve(request.Path == "/new.qcow2" ? StreamTree.Disk(2) : _disk, request)
        );

        (int exitCode, string output, string error) = await RunAsync(
            "image",
            "pull",
            server.Address("/old.qcow2"),
            "--sha256",
            StreamTree.Sum(_disk),
            "--name",
            "mine"
        );
        (exitCode, output).Should().Be((0, $"{Stored}\n"), error);
        error
            .Should()
            .MatchRegex(@"fetching 0\.\d of 0\.\d MiB\n")
            .And.Contain("ImageFormat = DiskFormat.Qcow2, Firmware = Firmware.Bios }\n")
            .And.EndWith("Try: testvm up --image mine\n");
        (await RunAsync("image", "pull", server.Address("/new.qcow2"), "--sha256", StreamTree.Sum(StreamTree.Disk(2)), "--name", "mine"))
            .ExitCode.Should()
            .Be(0);

        JsonElement[] list = JsonSerializer.Deserialize<JsonElement[]>((await RunAsync("image", "list", "--json")).Output)!;
        list.Select(one => (one.GetProperty("name").GetString(), one.GetProperty("kind").GetString()))
            .Should()
            .Equal(("mine", "disk"), ("mine", "disk"));
        (await RunAsync("image", "gc")).Output.Should().MatchRegex("^removed mine [0-9a-f]{16} \\(0 MiB\\)\n$");
        File.Exists(Stored).Should().BeFalse("a newer one has replaced it");
        (await RunAsync("image", "info", "mine"))
            .Output.Should()
            .Contain("(Qcow2, 2 MiB)")
            .And.Contain($"source:    {server.Address("/new.qcow2")}");
        (await RunAsync("image", "remove", "mine")).ExitCode.Should().Be(0);
        (await RunAsync("image", "list", "--json")).Output.Should().Be("[]\n");
    }

    [Fact]
    public async Task A_pull_that_is_killed_goes_on_at_the_next_call_which_says_so()
    {
        bool silent = true;
        // No zeros, which are not written, so that what has come is seen from outside.
        var disk = new byte[200_000];
        new Random(7).NextBytes(disk);
        string stored = Path.Combine(_root, "cache/images/sha256", StreamTree.Sum(disk));
        await using var server = new FileServer(request =>
            FileServer.Serve(disk, request) with
            {
                CutAfter = silent ? 70_000 : null,
                ThenSilent = silent,
            }
        );
        string[] pull = ["image", "pull", server.Address("/disk.raw"), "--sha256", StreamTree.Sum(disk), "--name", "mine"];

        using (Process killed = Start(pull))
        {
            while (!(File.Exists($"{stored}.part") && new FileInfo($"{stored}.part").Length == 70_000))
                await Task.Delay(5, Token);
            killed.Kill();
            await killed.WaitForExitAsync(Token);
        }

        (await RunAsync("image", "list", "--json")).Output.Should().Be("[]\n");
        silent = false;
        (int exitCode, string output, string error) = await RunAsync(pull);

        (exitCode, output).Should().Be((0, $"{stored}\n"), error);
        error.Should().Contain("70000 bytes are there from a download that was cut");
        server.Requests.Last().From.Should().Be(70_000);
    }

    [Fact]
    public async Task Sync_ends_with_1_where_the_source_is_wrong_and_with_2_where_the_command_line_is()
    {
        await using StreamTree tree = new StreamTree().Publish();

        (await RunAsync("image", "sync", tree.Address, "--series", "jammy"))
            .Should()
            .Match<(int ExitCode, string Output, string Error)>(result =>
                result.ExitCode == 0
                && result.Output.EndsWith($"{StreamTree.Sum(tree.Files["server/20240301/disk.img"])}\n")
                && result.Error.Contains("Try: testvm up --image jammy-amd64")
            );
        (await RunAsync("image", "sync", tree.Address, "--series", "focal"))
            .Should()
            .Match<(int ExitCode, string Output, string Error)>(result =>
                result.ExitCode == 1 && result.Output == "" && result.Error.Contains("there is no product for series 'focal'")
            );
        (await RunAsync("image", "sync", tree.Address, "--keyring", Path.Combine(_root, "none")))
            .Should()
            .Match<(int ExitCode, string Output, string Error)>(result =>
                result.ExitCode == 1 && result.Error.Contains("the keyring can't be used")
            );
        (await RunAsync("image", "pull", "https://example.org/disk.qcow2"))
            .Should()
            .Match<(int ExitCode, string Output, string Error)>(result => result.ExitCode == 2 && result.Error.Contains("--sha256"));
    }

    [Fact]
    public async Task Up_refuses_a_disk_for_another_architecture_and_leaves_no_machine()
    {
        await using StreamTree tree = new StreamTree().Publish();
        (await RunAsync("image", "sync", tree.Address, "--series", "jammy", "--arch", "arm64")).ExitCode.Should().Be(0);

        (int exitCode, _, string error) = await RunAsync("up", "web", "--image", "jammy-arm64");

        error.Should().Be("Image 'jammy-arm64' is for arm64, and machines are for amd64.\nTry: testvm image sync SOURCE --arch amd64\n");
        exitCode.Should().Be(2);
        (await RunAsync("list", "--json")).Output.Should().Be("[]\n");
    }

    [Fact]
    public async Task Import_names_the_package_of_a_program_that_is_missing()
    {
        string file = Path.Combine(_root, "x.tar.zst");
        await File.WriteAllTextAsync(file, "", Token);

        using Process process = Start(["image", "import", file], path: _root);
        string error = await process.StandardError.ReadToEndAsync(Token);
        await process.WaitForExitAsync(Token);

        process.ExitCode.Should().Be(2);
        error.Should().Contain("zstd  (Debian package zstd)").And.Contain("Try: sudo apt-get install --no-install-recommends");
    }

    private Process Start(string[] arguments, string? path = null)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "testvm.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["TESTHARNESS_CACHE"] = Path.Combine(_root, "cache");
        start.Environment["TESTHARNESS_DATA"] = Path.Combine(_root, "data");
        if (path is not null)
            start.Environment["PATH"] = path;
        return Process.Start(start)!;
    }

    private async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using Process process = Start(arguments);
        Task<string> error = process.StandardError.ReadToEndAsync(Token);
        string output = await process.StandardOutput.ReadToEndAsync(Token);
        await process.WaitForExitAsync(Token);
        return (process.ExitCode, output, await error);
    }
}
