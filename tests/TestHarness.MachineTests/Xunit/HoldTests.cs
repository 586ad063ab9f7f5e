using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Xunit;

/// <summary>A failed test whose machine is held, joined as a person would, and released.</summary>
public sealed class HoldTests
{
    private const UnixFileMode UserOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Over five seconds in every run: a test run of its own.
    [Theory(Timeout = 180_000)]
    [InlineData("Fails_with_an_assertion", true)]
    [InlineData("Fails_and_is_held", false, Traits = ["Speed", "Slow"])]
    public async Task Holds_the_machine_of_a_failed_test_until_it_is_released(string test, bool byVariable)
    {
        string artifacts = Directory.CreateTempSubdirectory("testharness-held-").FullName;
        using Process run = Start(test, artifacts, byVariable ? "1" : "");
        try
        {
            Task<string> output = run.StandardOutput.ReadToEndAsync(Token);
            string instructions = await HeldRun.ReadInstructionsAsync(run.StandardError);
            instructions.Should().Contain($"{test}").And.Contain("failed. Machine 'tiny-");
            string Found(string pattern) => Regex.Match(instructions, pattern).Groups[1].Value;
            string held = Found("release:  rm (.+)");
            string shell = Found("shell: .*UNIX-CONNECT:(.+)");

            (await AnswerAsync(shell, "echo $((6*7))-$(tty)\n", "42-/dev/pts/")).Should().Contain("42-/dev/pts/");
            (await Repository.RunAsync("sh", ["-c", $"echo 'echo $((6*8)).; exit' | socat -t 5 - UNIX-CONNECT:{shell}"], null, Token))
                .Output.Should()
                .Contain("48.", "a script can join, too");
            (await AnswerAsync(Found("console: .*UNIX-CONNECT:(.+)"), "\r", "login:")).Should().Contain("login:");
            await HeldRun.WaitForAsync(() => File.Exists(Found("screen: +(.+) \\(renewed")));
            (await AnswerAsync(Found("viewer: +vncviewer (.+)"), "RFB 003.008\n\u0001\u0001", "QEMU (tiny-"))
                .Should()
                .StartWith("RFB 003.008\n");
            File.GetUnixFileMode(shell).Should().Be(UserOnly);
            File.GetUnixFileMode(Path.GetDirectoryName(shell)!).Should().Be(UserOnly | UnixFileMode.UserExecute);
            run.HasExited.Should().BeFalse("nobody has released the machine");

            File.Delete(held);
            (await output).Should().Contain("Failed!  - Failed:     1").And.Contain("HELD: ", "the test's output tells, too");
            Directory.Exists(Path.GetDirectoryName(Path.GetDirectoryName(held))).Should().BeFalse("the machine's folder goes with it");
        }
        finally
        {
            if (!run.HasExited)
                run.Kill(entireProcessTree: true);
            await run.WaitForExitAsync(CancellationToken.None);
            Directory.Delete(artifacts, recursive: true);
        }
    }

    [Trait("Speed", "Slow")]
    [Fact(Timeout = 180_000)]
    public async Task Ends_the_machine_when_the_run_is_killed()
    {
        string artifacts = Directory.CreateTempSubdirectory("testharness-held-").FullName;
        using Process run = Start("Fails_and_is_held", artifacts, "");
        try
        {
            string held = Regex.Match(await HeldRun.ReadInstructionsAsync(run.StandardError), "release:  rm (.+)").Groups[1].Value;

            // dotnet test alone: the test program, some processes below, must notice.
            run.Kill();

            await HeldRun.WaitForAsync(() => !Directory.Exists(Path.GetDirectoryName(Path.GetDirectoryName(held))));
        }
        finally
        {
            await run.WaitForExitAsync(CancellationToken.None);
            Directory.Delete(artifacts, recursive: true);
        }
    }

    private static Process Start(string test, string artifacts, string hold) =>
        Repository.Start(
            "dotnet",
            [
                "test",
                Repository.SampleTests,
                "--no-build",
                "-c",
                Repository.Configuration,
                "--filter",
                $"FullyQualifiedName~{test}",
                "--results-directory",
                artifacts,
            ],
            new Dictionary<string, string> { ["TESTHARNESS_ARTIFACTS"] = artifacts, ["TESTHARNESS_HOLD"] = hold }
        );

    // Types at a socket and reads until the answer is there.
    private static async Task<string> AnswerAsync(string path, string typed, string expected)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), Token);
        await socket.SendAsync(Encoding.UTF8.GetBytes(typed), Token);
        var text = new StringBuilder();
        var buffer = new byte[4096];
        int count;
        while (!text.ToString().Contains(expected, StringComparison.Ordinal) && (count = await socket.ReceiveAsync(buffer, Token)) > 0)
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        return text.ToString();
    }
}
