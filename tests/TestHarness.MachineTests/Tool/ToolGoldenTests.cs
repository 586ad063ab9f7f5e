using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>
/// What <c>testvm goldens</c> does with files that tests and CI leave. Two real screens are enough; no machine is started.
/// </summary>
public sealed class ToolGoldenTests : IDisposable
{
    private readonly TestVm _tool = new();
    private readonly string _checkout;
    private readonly string _artefact;

    public ToolGoldenTests()
    {
        _checkout = Directory.CreateDirectory(Path.Combine(_tool.Root, "checkout/tests")).FullName;
        _artefact = Directory.CreateDirectory(Path.Combine(_tool.Root, "artefact")).FullName;
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Makes_what_tests_received_the_goldens()
    {
        Write(_checkout, "A.b.c.received.txt", "new");
        Write(_checkout, "A.b.c.verified.txt", "old");
        Write(_checkout, "A.b.d.received.png", "a picture");
        Write(_checkout, "A.b.d.received.difference.png", "of no more use");

        (await _tool.DoAsync("goldens", "list", _checkout))
            .Should()
            .MatchRegex("^changed +.*A.b.c.received.txt\nnew +.*A.b.d.received.png\n$");
        await _tool.DoAsync("goldens", "accept", _checkout);

        Names(_checkout).Should().Equal("A.b.c.verified.txt", "A.b.d.verified.png");
        (await File.ReadAllTextAsync(Path.Combine(_checkout, "A.b.c.verified.txt"), Token)).Should().Be("new");
        (await _tool.DoAsync("goldens", "list", _checkout)).Should().BeEmpty();
    }

    [Fact]
    public async Task Takes_what_CI_received_into_the_checkout_by_name_or_to_the_source_of_its_class()
    {
        Write(_checkout, "LoginTests.Boots.motd.verified.txt", "old");
        Write(_checkout, "MenuTests.cs", "class MenuTests;");
        Write(_artefact, "LoginTests.Boots.motd.received.txt", "new");
        Write(_artefact, "MenuTests.Opens.menu.received.txt", "menu");
        Write(_artefact, "GoneTests.Was.there.received.txt", "?");

        (int exitCode, string output, string error) = await _tool.RunAsync(
            "goldens",
            "accept",
            _artefact,
            "--into",
            Path.GetDirectoryName(_checkout)!
        );

        exitCode.Should().Be(1, "one has no place");
        output.Should().MatchRegex("^changed +.*LoginTests.Boots.motd.verified.txt\nnew +.*MenuTests.Opens.menu.verified.txt\n$");
        error
            .Should()
            .Contain("GoneTests.Was.there.received.txt")
            .And.Contain("neither one golden of that name nor one source file of its class");
        Names(_checkout).Should().Equal("LoginTests.Boots.motd.verified.txt", "MenuTests.Opens.menu.verified.txt", "MenuTests.cs");
        (await File.ReadAllTextAsync(Path.Combine(_checkout, "LoginTests.Boots.motd.verified.txt"), Token)).Should().Be("new");
        Names(_artefact).Should().HaveCount(3, "an artefact stays as it is");
    }

    [Fact]
    public async Task Shows_how_texts_and_pictures_differ()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = "tiny" }, cancellationToken: Token);
        await vm.Shell.RunAsync("printf '\\033[2J\\033[Hbefore' > /dev/tty1", cancellationToken: Token);
        await vm.Screen.WaitForTextAsync("before", cancellationToken: Token);
        await (await vm.Screen.CaptureAsync(cancellationToken: Token)).SaveAsync(Path.Combine(_checkout, "A.b.screen.verified.png"), Token);
        await vm.Shell.RunAsync("printf '\\033[2J\\033[Hafterwards' > /dev/tty1", cancellationToken: Token);
        await vm.Screen.WaitForTextAsync("afterwards", cancellationToken: Token);
        await (await vm.Screen.CaptureAsync(cancellationToken: Token)).SaveAsync(Path.Combine(_checkout, "A.b.screen.received.png"), Token);
        Write(_checkout, "A.b.log.verified.txt", "one\ntwo\nthree\n");
        Write(_checkout, "A.b.log.received.txt", "one\nzwei\nthree\n");

        string output = await _tool.DoAsync("goldens", "diff", _checkout);

        output.Should().Contain("1 line missing, 1 line new; the first is line 2").And.MatchRegex("- +2  two\n\\+ +2  zwei\n");
        output.Should().MatchRegex(@"\d+ of [0-9,]+ pixels \(0\.\d+ %\), 0 may").And.Contain("(top left)");
        Names(_checkout).Should().Contain("A.b.screen.received.difference.png");
    }

    [Fact]
    public async Task Lists_goldens_that_no_source_speaks_of()
    {
        Write(_checkout, "LoginTests.cs", "class LoginTests { void Boots() { Golden.Match(x, \"motd\"); } }");
        foreach (
            string name in (string[])
                [
                    "LoginTests.Boots.motd.verified.txt",
                    "LoginTests.Boots.motd.1.verified.txt",
                    "LoginTests.Boots.old.verified.png",
                    "LoginTests.Went.motd.verified.txt",
                    "GoneTests.Boots.motd.verified.txt",
                ]
        )
            Write(_checkout, name, "");

        (await _tool.DoAsync("goldens", "unused", _checkout))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line[(line.LastIndexOf('/') + 1)..])
            .Should()
            .Equal(
                "GoneTests.Boots.motd.verified.txt: no class GoneTests there",
                "LoginTests.Boots.old.verified.png: no \"old\" there",
                "LoginTests.Went.motd.verified.txt: no method Went there"
            );
        (await _tool.RunAsync("goldens", "unused", Path.Combine(_tool.Root, "nowhere"))).ExitCode.Should().Be(2);
    }

    private static void Write(string folder, string name, string text) => File.WriteAllText(Path.Combine(folder, name), text);

    private static IEnumerable<string> Names(string folder) =>
        Directory.GetFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);
}
