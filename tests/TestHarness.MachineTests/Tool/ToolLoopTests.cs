using System.Diagnostics;
using System.Net.Sockets;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>What a person does with a machine in a day.</summary>
public sealed class ToolLoopTests : IDisposable
{
    private readonly TestVm _tool = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _tool.Dispose();

    // Over five seconds in every run: the tool's whole loop.
    [Theory]
    [InlineData("tiny")]
    [InlineData("debian-12", Traits = ["Speed", "Slow"])]
    public async Task Keeps_a_machine_from_up_to_delete(string image)
    {
        string app = Directory.CreateDirectory(Path.Combine(_tool.Root, "app")).FullName;
        await File.WriteAllTextAsync(Path.Combine(app, "hello"), "from the host\n", Token);

        await _tool.DoAsync("up", "web", "--image", image, "--memory", "256M", "--forward", "22");
        (await _tool.DoAsync("list")).Should().MatchRegex($@"web +running +{image} +256M +1 +127\.0\.0\.1:[0-9]+->22 ");
        (await _tool.DoAsync("shell", "web", "--", "hostname; uname -s")).Should().Be("web\nLinux\n");
        (await _tool.DoAsync("sync", $"{app}/", "web:/srv/app/")).Should().Contain("hello");
        (await _tool.DoAsync("screenshot", "web", Path.Combine(_tool.Root, "screen.png"))).Should().Contain("screen.png (");
        (await _tool.DoAsync("shell", "web", "--", "sh", "-c", "cat /srv/app/hello; echo kept > /root/kept"))
            .Should()
            .Be("from the host\n");

        await _tool.DoAsync("stop", "web");
        (await _tool.DoAsync("list")).Should().MatchRegex("web +stopped ");
        await _tool.DoAsync("start", "web");
        (await _tool.DoAsync("shell", "web", "--", "cat /root/kept /srv/app/hello")).Should().Be("kept\nfrom the host\n");

        (await _tool.RunAsync("delete", "web"))
            .Should()
            .Match<(int ExitCode, string Output, string Error)>(
                result => result.ExitCode == 4 && result.Error.Contains("Try: testvm stop web first, or --force"),
                "its disks would go"
            );
        await _tool.DoAsync("delete", "web", "--force");
        (await _tool.DoAsync("list", "--json")).Should().Be("[]\n");
        Directory
            .GetFileSystemEntries(Path.Combine(_tool.Data, "machines"))
            .Should()
            .OnlyContain(entry => entry.EndsWith(".lock"), "what a machine had is gone with it");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Passes_streams_and_exit_codes_through()
    {
        await _tool.DoAsync("up", "web", "--image", "tiny");

        (await _tool.RunAsync("shell", "web", "--", "echo out; echo err >&2; exit 7")).Should().Be((7, "out\n", "err\n"));
        (await _tool.ScriptAsync("head -c 300000 /dev/zero | testvm shell web -- wc -c")).Should().Be((0, "300000\n", ""));
        (await _tool.RunAsync("shell", "web", "--user", "nobody", "--", "id", "-un")).Should().Be((0, "nobody\n", ""));
        (await _tool.RunAsync("shell", "web", "--verbose", "--", "true")).Error.Should().MatchRegex(@"^the guest took [0-9.]+ ms\n$");
        (await _tool.RunAsync("shell", "web", "--", "no-such-program", "x"))
            .Should()
            .Match<(int ExitCode, string Output, string Error)>(result => result.ExitCode == 1 && result.Error.Contains("no-such-program"));
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Gives_a_login_shell_of_the_size_of_the_persons_terminal()
    {
        await _tool.DoAsync("up", "web", "--image", "tiny");
        using TerminalProgram terminal = _tool.AtTerminal("shell web");
        string device = await terminal.WaitForAsync("device ", "."),
            before = await terminal.WaitForAsync("before ", ".");
        await terminal.WaitForAsync("Ctrl-] three times leaves");

        await TerminalProgram.SttyAsync(device, "cols", "101", "rows", "33");
        await terminal.TypeAsync("while [ \"$(stty size)\" != '33 101' ]; do usleep 20000; done; echo sized-$((6*7)); exit 9\r");

        await terminal.WaitForAsync("sized-42");
        (await terminal.WaitForAsync("job-ended ", ".")).Should().Be("9");
        (await terminal.WaitForAsync("after ", ".")).Should().Be(before, "the terminal is the person's own again");
    }

    [Fact]
    public async Task Prints_QEMUs_command_line_and_starts_nothing()
    {
        (await _tool.DoAsync("up", "web", "--image", "tiny", "--memory", "128M", "--dry-run"))
            .Should()
            .MatchRegex(@"^/\S*qemu-system-x86_64 .* -m 128M .* -append 'root=/dev/vda");

        (await _tool.DoAsync("list", "--json")).Should().Be("[]\n");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Pauses_and_goes_on()
    {
        await _tool.DoAsync("up", "web", "--image", "tiny");

        await _tool.DoAsync("pause", "web");
        (await _tool.DoAsync("status", "web")).Should().MatchRegex("web +paused ");
        (await _tool.RunAsync("shell", "web", "--", "true")).Should().Be((5, "", "Machine 'web' is paused.\nTry: testvm resume web\n"));
        await _tool.DoAsync("resume", "web");
        (await _tool.DoAsync("shell", "web", "--", "echo on")).Should().Be("on\n");

        await _tool.DoAsync("pause", "web");
        (await _tool.RunAsync("stop", "web"))
            .Error.Should()
            .Be("Machine 'web': the guest shut down.\n", "it is not left to its limit and killed");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Lets_ssh_in_by_what_it_prints()
    {
        await _tool.DoAsync("up", "web", "--image", "debian-12");
        string file = Path.Combine(_tool.Root, "ssh-config");

        await File.WriteAllTextAsync(file, await _tool.DoAsync("ssh-config", "web"), Token);

        (_, string output) = await Repository.RunAsync("ssh", ["-F", file, "web", "hostname"], null, Token);
        output.Should().Be("web\n");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Shows_the_console_until_the_machine_ends()
    {
        await _tool.DoAsync("up", "web", "--image", "tiny");

        using Process console = _tool.Start("console", "web");
        // The log's end comes first.
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        string seen = "";
        var buffer = new char[4096];
        while (!seen.Contains("login:"))
            seen += new string(buffer, 0, await console.StandardOutput.ReadAsync(buffer, limit.Token));

        seen.Should().Contain("tiny login:");

        await _tool.DoAsync("stop", "web");
        await console.WaitForExitAsync(limit.Token);
        console.ExitCode.Should().Be(5);
        (await console.StandardError.ReadToEndAsync(Token)).Should().Contain("Machine 'web' has ended: the guest shut down.");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Says_who_keeps_it_from_doing_what_was_asked()
    {
        (await _tool.RunAsync("shell", "web"))
            .Should()
            .Be((3, "", "There is no machine 'web'. There is none yet.\nTry: testvm up web --image debian-12\n"));
        await _tool.DoAsync("up", "web", "--image", "tiny");
        (await _tool.RunAsync("shell", "wbe")).Error.Should().Contain("There are: web.");
        (await _tool.RunAsync("start", "web"))
            .Should()
            .Be((4, "", "Machine 'web' is running already.\nTry: testvm shell web, or testvm stop web\n"));
        (await _tool.RunAsync("up", "web", "--memory", "1G"))
            .Should()
            .Match<(int ExitCode, string Output, string Error)>(result =>
                result.ExitCode == 2 && result.Error.Contains("is there already")
            );
        await _tool.DoAsync("stop", "web", "--force");
        (await _tool.RunAsync("shell", "web"))
            .Should()
            .Be((5, "", "Machine 'web' is not running (it is stopped).\nTry: testvm start web\n"));
        using (TestHarness.Hosts.FileLock.TryTake(Path.Combine(_tool.Data, "machines/.web.lock")))
            (await _tool.RunAsync("start", "web"))
                .Should()
                .Match<(int ExitCode, string Output, string Error)>(result =>
                    result.ExitCode == 6 && result.Error.Contains("Another command is at work on machine 'web'")
                );
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Recovers_from_a_keeper_that_was_killed_and_says_so()
    {
        await _tool.DoAsync("up", "web", "--image", "tiny");
        await _tool.DoAsync("shell", "web", "--", "echo kept > /root/kept; sync");

        using (Process keeper = Process.GetProcessById(_tool.KeeperOf("web")))
            keeper.Kill();

        (await _tool.DoAsync("list")).Should().MatchRegex("web +crashed ");
        (int exitCode, _, string error) = await _tool.RunAsync("start", "web");
        exitCode.Should().Be(0, error);
        error.Should().Contain("It did not end in an orderly way the last time");
        (await _tool.DoAsync("shell", "web", "--", "cat /root/kept")).Should().Be("kept\n");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Goes_on_where_up_was_killed_on_the_way()
    {
        using (Process up = _tool.Start("up", "web", "--image", "tiny"))
        {
            string? line;
            do line = await up.StandardError.ReadLineAsync(Token);
            while (line is not null && !line.Contains("guest boots"));
            up.Kill();
            await up.WaitForExitAsync(Token);
        }

        (int exitCode, _, string error) = await _tool.RunAsync("up", "web");

        exitCode.Should().Be(0, error);
        error
            .Should()
            .Contain("guest boots", "the start that goes on is shown from its beginning")
            .And.Contain("Machine 'web' is running.");
        (await _tool.DoAsync("shell", "web", "--", "echo up")).Should().Be("up\n");
    }

    [Fact]
    public async Task Removes_images_that_newer_ones_have_replaced()
    {
        string images = Path.Combine(_tool.Root, "cache/images");
        foreach ((string key, int day) in (ReadOnlySpan<(string, int)>)[("0123456789ab", 1), ("ba9876543210", 2)])
        {
            string folder = Directory.CreateDirectory(Path.Combine(images, "web", key)).FullName;
            File.WriteAllText(Path.Combine(folder, "disk.qcow2"), "disk");
            File.SetLastWriteTimeUtc(Path.Combine(folder, "disk.qcow2"), new DateTime(2026, 1, day, 0, 0, 0, DateTimeKind.Utc));
            File.WriteAllText(
                Path.Combine(folder, "image.json"),
                """{"name":"web","architecture":"amd64","kernelArguments":"","built":"2026-01-01T00:00:00Z","files":{"disk.qcow2":4}}"""
            );
        }

        _tool.With("TESTHARNESS_CACHE", Path.Combine(_tool.Root, "cache"));
        (await _tool.DoAsync("image", "list"))
            .Should()
            .MatchRegex("web +recipe +ba9876543210 ")
            .And.MatchRegex("web +recipe +0123456789ab ");
        (await _tool.DoAsync("image", "gc")).Should().Be("removed web 0123456789ab (0 MiB)\n");
        Directory.GetDirectories(Path.Combine(images, "web")).Should().Equal(Path.Combine(images, "web/ba9876543210"));
        (await _tool.RunAsync("image", "info", "wbe"))
            .Should()
            .Be((1, "", "No image 'wbe' is there.\nTry: testvm image list, or testvm image build wbe\n"));
    }

    [Fact]
    public async Task Tells_what_the_host_has()
    {
        (int exitCode, string output, _) = await _tool.RunAsync("doctor");

        exitCode.Should().Be(0);
        output
            .Should()
            .MatchRegex(@"ok +qemu-system-x86_64: /\S+ \(QEMU emulator version [0-9.]+")
            .And.MatchRegex("(ok|lesser) +accelerator: (KVM|TCG), ")
            .And.MatchRegex("ok +disks: by io_uring|lesser +disks: by threads");
    }
}
