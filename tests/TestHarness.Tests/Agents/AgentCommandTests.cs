using System.Globalization;
using System.Net;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;
using static TestHarness.Tests.Agents.AgentTestExtensions;

namespace TestHarness.Tests.Agents;

public sealed class AgentCommandTests : CompiledAgentTests
{
    [Fact]
    public async Task Says_who_it_is_when_it_comes_in_step()
    {
        AgentHello hello = await Connection.HandshakeAsync(Token);

        hello.ProtocolVersion.Should().Be(AgentProtocol.Version);
        hello.ProcessId.Should().Be(Agent.Process.Id);
        hello.Name.Should().StartWith("testharness-agent ");
    }

    [Fact]
    public async Task Answers_a_ping() => await Connection.PingAsync(Token);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(255)]
    public async Task Tells_the_exit_code_when_a_command_exits(int code)
    {
        CommandResult result = await Connection.RunToEndAsync($"exit {code}", Token);

        result.Exit.Should().Be(new AgentExit(code, null));
        result.Exit.ShellExitCode.Should().Be(code);
    }

    [Theory]
    [InlineData("KILL", 9)]
    [InlineData("TERM", 15)]
    [InlineData("SEGV", 11)]
    [InlineData("PIPE", 13)]
    public async Task Tells_the_signal_when_one_ends_a_command(string name, int number)
    {
        CommandResult result = await Connection.RunToEndAsync($"kill -{name} $$", Token);

        result.Exit.Should().Be(new AgentExit(null, number));
        result.Exit.ShellExitCode.Should().Be(128 + number);
    }

    [Fact]
    public async Task Sends_a_signal_to_all_of_a_command()
    {
        await using AgentProcess process = await Connection.RunAsync(Script("sleep 1000 & echo $!; wait"), Token);
        int child = int.Parse(await ReadLineAsync(process.StandardOutput, Token), CultureInfo.InvariantCulture);

        await process.SignalAsync(15);

        (await process.Exit.WaitAsync(Token)).Signal.Should().Be(15);
        await WaitUntilGoneAsync(child, Token);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("$HOME `id` $(id) ; & | > < * ? ' \" \\ \n \t !")]
    [InlineData("--help")]
    [InlineData("ünïcödé 🐧")]
    public async Task Passes_an_argument_as_it_is(string argument)
    {
        CommandResult result = await Connection.RunToEndAsync(new AgentCommand(["printf", "%s|", "x", argument]), input: null, Token);

        result.Text.Should().Be($"x|{argument}|");
    }

    [Fact]
    public async Task Gives_a_base_environment_and_what_was_asked_for()
    {
        var command = new AgentCommand(["env"])
        {
            Environment = new Dictionary<string, string>
            {
                ["GREETING"] = "a=b c",
                ["LANG"] = "C",
                ["EMPTY"] = "",
                ["TESTHARNESS_STREAM"] = "mine",
            },
        };

        CommandResult result = await Connection.RunToEndAsync(command, input: null, Token);

        string[] lines = result.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines
            .Select(line => line.Split('=')[0])
            .Should()
            .BeEquivalentTo("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TESTHARNESS_STREAM", "GREETING", "EMPTY");
        lines.Should().Contain("GREETING=a=b c").And.Contain("LANG=C").And.Contain("EMPTY=").And.NotContain("TESTHARNESS_STREAM=mine");
    }

    [Fact]
    public async Task Looks_the_program_up_on_the_commands_own_path()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        string program = Path.Combine(folder, "only-here");
        ExecutableScript.Write(program, "echo found");
        var command = new AgentCommand(["only-here"]) { Environment = new Dictionary<string, string> { ["PATH"] = $"/nowhere:{folder}" } };

        CommandResult result = await Connection.RunToEndAsync(command, input: null, Token);

        result.Text.Should().Be("found\n");
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Runs_in_the_directory_that_was_asked_for()
    {
        (await Connection.RunToEndAsync(new AgentCommand(["pwd"]) { WorkingDirectory = "/usr" }, input: null, Token))
            .Text.Should()
            .Be("/usr\n");
    }

    [Fact]
    public async Task Runs_in_the_home_of_the_user_when_no_directory_was_asked_for()
    {
        CommandResult result = await Connection.RunToEndAsync("pwd -P; cd && pwd -P", Token);

        result.Text.Split('\n').Take(2).Distinct().Should().ContainSingle();
    }

    [Fact]
    public async Task Runs_as_a_user_only_when_it_may()
    {
        var command = new AgentCommand(["sh", "-c", "id -un; id -gn; echo $USER $LOGNAME; pwd"]) { User = "nobody" };
        if (Environment.IsPrivilegedProcess)
            (await Connection.RunToEndAsync(command, input: null, Token)).Text.Should().StartWith("nobody\nnogroup\nnobody nobody\n/");
        else
            (await Connection.Awaiting(c => c.RunAsync(command, Token)).Should().ThrowAsync<AgentException>())
                .Which.ErrorNumber.Should()
                .Be(1);
    }

    [Theory]
    [InlineData("/bin/nope", 2, "exec /bin/nope: No such file or directory")]
    [InlineData("nope", 2, "exec nope: No such file or directory")]
    [InlineData("/etc/passwd", 13, "exec /etc/passwd: Permission denied")]
    [InlineData("/etc", 13, "exec /etc: Permission denied")]
    public async Task Says_why_when_a_program_cannot_be_started(string program, int error, string text)
    {
        var thrown = await Connection.Awaiting(c => c.RunAsync(new AgentCommand([program]), Token)).Should().ThrowAsync<AgentException>();

        thrown.Which.ErrorNumber.Should().Be(error);
        thrown.Which.Message.Should().Be(text);
        await Connection.PingAsync(Token);
    }

    [Fact]
    public async Task Says_why_when_user_or_directory_do_not_exist()
    {
        (
            await Connection
                .Awaiting(c => c.RunAsync(new AgentCommand(["true"]) { User = "no-such-user" }, Token))
                .Should()
                .ThrowAsync<AgentException>()
        ).WithMessage("user no-such-user: not in /etc/passwd");
        (
            await Connection
                .Awaiting(c => c.RunAsync(new AgentCommand(["true"]) { WorkingDirectory = "/nope" }, Token))
                .Should()
                .ThrowAsync<AgentException>()
        ).WithMessage("chdir /nope: No such file or directory");
    }

    [Fact]
    public async Task Starts_commands_with_default_signals_and_three_descriptors()
    {
        CommandResult result = await Connection.RunToEndAsync(
            "grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd | wc -l; umask",
            Token
        );

        // ls itself has the folder open, as its fourth.
        result.Text.Should().Be("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n4\n0022\n");
    }

    [Fact]
    public async Task A_command_without_input_reads_from_nothing_and_any_other_from_a_pipe()
    {
        AgentCommand command = Script("readlink /proc/self/fd/0; cat");

        (await Connection.RunToEndAsync(command with { TakesInput = false }, input: null, Token)).Text.Should().Be("/dev/null\n");
        (await Connection.RunToEndAsync(command, "in"u8.ToArray(), Token)).Text.Should().MatchRegex(@"^pipe:\[\d+\]\nin$");
    }

    [Fact]
    public async Task Keeps_no_descriptor_and_no_process_of_a_command_that_has_ended()
    {
        string descriptors = $"/proc/{Agent.Process.Id}/fd";
        AgentCommand command = Script("echo out; echo error >&2");
        await Connection.RunToEndAsync(command with { TakesInput = false }, input: null, Token);
        await Connection.PingAsync(Token);
        int before = Directory.GetFiles(descriptors).Length;

        for (int i = 0; i < 20; i++)
            await Connection.RunToEndAsync(command with { TakesInput = i % 2 == 0 }, input: null, Token);
        await Connection.PingAsync(Token);

        Directory.GetFiles(descriptors).Length.Should().Be(before);
        ChildrenOf(Agent.Process.Id)
            .Should()
            .ContainSingle("one waits for the next command")
            .Which.Should()
            .Match(child => IsRunning(child));
    }

    [Fact]
    public async Task Refuses_to_change_the_machine_when_it_serves_a_socket()
    {
        AgentSettled settled = await Connection.SettleAsync(
            new AgentSettlement
            {
                Clock = DateTimeOffset.UnixEpoch,
                Seed = new byte[32],
                HostName = "other",
                Networks = new AgentNetworks(
                    [new AgentCard(MacAddress.For("a"), MacAddress.For("b"), 1500, [(IPAddress.IPv6Loopback, 64)])],
                    ""
                ),
            },
            Token
        );
        settled
            .Should()
            .BeEquivalentTo(
                new
                {
                    ClockError = 1,
                    RandomError = 1,
                    HostNameError = 1,
                    NetworksError = 1,
                }
            );
        settled.Clock.Should().BeCloseTo(DateTimeOffset.UtcNow, TimeSpan.FromSeconds(5));
        (await Connection.SettleAsync(new AgentSettlement(), Token)).Succeeded.Should().BeTrue();

        await Connection.Awaiting(c => c.PowerAsync(AgentPower.PowerOff, Token)).Should().ThrowAsync<AgentException>();
        await Connection.PingAsync(Token);
    }
}
