using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>The whole loop at a terminal, as a person sees it; docs/testvm.md shows the same.</summary>
public sealed class ToolTerminalTests : IDisposable
{
    private readonly TestVm _tool = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _tool.Dispose();

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Shows_the_whole_loop_from_up_to_delete()
    {
        string app = Directory.CreateDirectory(Path.Combine(_tool.Root, "app")).FullName;
        await File.WriteAllTextAsync(Path.Combine(app, "main.py"), "print(\"hello\")\n", Token);
        using TmuxTerminal terminal = await _tool.InTmuxAsync();

        (await terminal.DoAsync("testvm up web --image tiny --forward 80"))
            .Should()
            .MatchRegex(@"127\.0\.0\.1:\d+ leads to the guest's port 80\nMachine 'web' is running\. Try: testvm shell web\n$");

        await terminal.TypeAsync("testvm shell web");
        await terminal.WaitForAsync(@"^~ # ?$");
        await terminal.TypeAsync("uname -n; exit 3");
        (await terminal.EndAsync()).Should().Contain("Ctrl-] three times leaves").And.MatchRegex(@"\nweb\n");
        (await terminal.DoAsync("echo $?")).Should().Be("3\n");

        (await terminal.DoAsync("testvm sync app/ web:/srv/app/")).Should().MatchRegex(@"main\.py\n.*changed, 15 bytes\n$");
        (await terminal.DoAsync("testvm screenshot web screen.png")).Should().MatchRegex(@"screen\.png \(\d+x\d+\)\n$");
        (await terminal.DoAsync("testvm list")).Should().MatchRegex(@"^NAME +STATE +IMAGE +MEMORY +CPUS +PORTS +AGE\nweb +running +tiny ");
        (await terminal.DoAsync("testvm stop web")).Should().Be("Machine 'web': the guest shut down.\n");
        (await terminal.DoAsync("testvm shell web -- true; echo $?"))
            .Should()
            .MatchRegex(@"^Machine 'web' is not running.*\nTry: testvm start web\n5\n$");
        (await terminal.DoAsync("testvm start web")).Should().EndWith("Machine 'web' is running. Try: testvm shell web\n");
        (await terminal.DoAsync("testvm shell web -- cat /srv/app/main.py")).Should().Be("print(\"hello\")\n");
        (await terminal.DoAsync("testvm delete web --force; testvm list"))
            .Should()
            .MatchRegex(@"^NAME +STATE +IMAGE +MEMORY +CPUS +PORTS +AGE\n$");
    }
}
