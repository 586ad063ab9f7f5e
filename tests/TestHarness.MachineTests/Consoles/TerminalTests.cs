using System.Diagnostics;
using System.Globalization;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Consoles;

/// <summary>A program at a real terminal, which joins it to one in the guest.</summary>
public sealed class TerminalTests
{
    // Shown only once the guest has evaluated it, and not where it is echoed.
    private const string Wait = "'echo n$((0))w | tr 0 o; exec sleep 1000'";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Passes_keys_Ctrl_C_and_sizes_on_and_returns_the_exit_code()
    {
        using var program = new TerminalProgram("terminal wait");
        string device = await program.WaitForAsync("device ", ".");
        await TerminalProgram.SttyAsync(device, "cols", "90", "rows", "31");
        await program.WaitForAsync("~ # ");

        await program.TypeAsync("stty size; echo $TERM-$((6*7)); tty\r");
        (await program.WaitForAsync("tty\r\n", "42\r\n")).Should().Be("31 90\r\nvt220-");
        await program.WaitForAsync("/dev/pts/");

        await TerminalProgram.SttyAsync(device, "cols", "101", "rows", "33");
        await program.TypeAsync("while [ \"$(stty size)\" != '33 101' ]; do usleep 20000; done; echo sized-$((6*7))\r");
        await program.WaitForAsync("sized-42");

        // A program that says itself that it runs: between its fork and its exec the shell's child would take the signal for the shell's
        // and forget it.
        await program.TypeAsync("sh -c 'echo $((6*7))-sleeps; exec sleep 1000'; echo $((6*7))-after\r");
        await program.WaitForAsync("42-sleeps");
        await program.TypeAsync("\x03");
        await program.WaitForAsync("~ # ");
        await program.TypeAsync("ps | grep -c '[s]leep 1000'; echo $((6*8))-lives\r");
        (await program.WaitForAsync("-lives\r\n", "48-lives")).Should().Be("0\r\n");
        program.Shown.Should().NotContain("42-after", "the key ended the whole line");

        await program.TypeAsync("exit 5\r");
        await program.WaitForAsync("code 5.\r\n", "job-ended 0.");
        program.Shown.Split("Ctrl-] three times leaves").Should().HaveCount(2, "it is told once");
    }

    [Theory]
    [InlineData("wait", "KILL", true, "MachineExitedException: Machine 'tiny-1'", 1)]
    [InlineData("cancel", "", false, "", 134)]
    [InlineData("throw", "", false, "thrown", 134)]
    [InlineData("crash", "", false, "crashed", 134)]
    [InlineData("exit", "", false, "", 3)]
    [InlineData("wait", "INT", false, "", 130)]
    [InlineData("wait", "QUIT", false, "", 131)]
    [InlineData("wait", "TERM", false, "", 143)]
    [InlineData("wait", "HUP", false, "", 129)]
    public async Task Gives_the_terminal_its_mode_back(string way, string signal, bool toQemu, string said, int exitCode)
    {
        using var program = new TerminalProgram($"terminal {way} {Wait}");
        string device = await program.WaitForAsync("device ", ".");
        string before = await program.WaitForAsync("before ", ".");
        string[] processes = (await program.WaitForAsync("guest ", ".")).Split(' ');
        await program.WaitForAsync("now");
        if (signal.Length > 0)
        {
            (await TerminalProgram.SttyAsync(device, "-a")).Should().Contain("-isig -icanon", "keys go to the guest");
            await SignalAsync(signal, processes[toQemu ? 0 : 1]);
        }

        await program.WaitForAsync(said);
        (await program.WaitForAsync("job-ended ", ".")).Should().Be(exitCode.ToString(CultureInfo.InvariantCulture), program.Shown);
        (await program.WaitForAsync("after ", ".")).Should().Be(before);
    }

    [Fact]
    public async Task Stops_and_goes_on_as_a_job()
    {
        using var program = new TerminalProgram("terminal wait 'echo n$((0))w | tr 0 o; read -r line; echo got-$line; exit 7'");
        string device = await program.WaitForAsync("device ", ".");
        string before = await program.WaitForAsync("before ", ".");
        string[] processes = (await program.WaitForAsync("guest ", ".")).Split(' ');
        await program.WaitForAsync("now");

        await SignalAsync("TSTP", processes[1]);
        (await program.WaitForAsync("stopped ", ".")).Should().Be(before);
        await program.TypeAsync("\r");
        var since = Stopwatch.StartNew();
        while (!(await TerminalProgram.SttyAsync(device, "-a")).Contains("-icanon", StringComparison.Ordinal))
            since.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(30), "it has the terminal again");
        await program.TypeAsync("typed\r");

        await program.WaitForAsync("got-typed", "code 7.");
        (await program.WaitForAsync("after ", ".")).Should().Be(before);
    }

    [Fact]
    public async Task Is_left_by_its_keys_while_the_guest_hangs()
    {
        using var program = new TerminalProgram($"terminal wait {Wait}");
        string before = await program.WaitForAsync("before ", ".");
        string[] processes = (await program.WaitForAsync("guest ", ".")).Split(' ');
        await program.WaitForAsync("now");
        await SignalAsync("STOP", processes[0]);

        await program.TypeAsync("\x1d\x1d");
        await program.TypeAsync("\x1d");

        await program.WaitForAsync("code 137.", "job-ended 0.");
        (await program.WaitForAsync("after ", ".")).Should().Be(before);
    }

    [Fact]
    public async Task Joins_the_console_until_it_is_left()
    {
        using var program = new TerminalProgram("console");
        string before = await program.WaitForAsync("before ", ".");
        await program.WaitForAsync("Ctrl-] three times leaves", "login: ");

        await program.TypeAsync("root\r");
        await program.WaitForAsync("~ # ");
        // A program that says itself that it runs: between its fork and its exec the shell's child would take the signal for the shell's
        // and forget it.
        await program.TypeAsync("sh -c 'echo $((6*7))-sleeps; exec sleep 1000'; echo $((6*7))-after\r");
        await program.WaitForAsync("42-sleeps");
        await program.TypeAsync("\x03");
        await program.WaitForAsync("~ # ");
        await program.TypeAsync("echo $((6*7))-lives\r");
        await program.WaitForAsync("42-lives");
        program.Shown.Should().NotContain("42-after");
        await program.TypeAsync("\x1d\x1d\x1d");

        await program.WaitForAsync("left. log True.", "job-ended 0.");
        (await program.WaitForAsync("after ", ".")).Should().Be(before);
    }

    [Fact]
    public async Task Passes_bytes_on_where_standard_input_is_no_terminal()
    {
        string run =
            $"printf 'a\\003b\\035\\035\\035c' | exec dotnet {SampleProgram.Path} terminal wait 'tty; od -c; echo wrong >&2; exit 4'";

        (int exitCode, string output) = await Repository.RunAsync("sh", ["-c", run], null, Token);

        exitCode.Should().Be(0, output);
        output.Should().Contain("not a tty\n0000000   a 003   b 035 035 035   c\n").And.Contain("code 4.").And.EndWith("wrong\n");
    }

    private static async Task SignalAsync(string signal, string process) =>
        (await Repository.RunAsync("kill", ["-s", signal, "--", process], null, Token)).ExitCode.Should().Be(0);
}
