using System.Diagnostics;
using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

/// <summary>A helper program is ended as a whole, and what holds its pipes is not waited for.</summary>
public sealed class HelperProgramTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ends_what_the_program_has_left_behind_when_it_ends()
    {
        HelperResult result = await RunAsync("sleep 60 & echo $!; exit 3", Token).WaitAsync(Bound, Token);

        result.ExitCode.Should().Be(3);
        await LeftProcess.ShouldBeGoneAsync(LeftProcess.NumberIn(result.StandardOutput));
    }

    [Theory]
    [InlineData("sleep 60 & echo $!; wait")]
    [InlineData("timeout 60 sleep 60 & echo $!; wait")]
    [InlineData("(setsid sleep 60 & echo $!); sleep 60")]
    public async Task Ends_what_the_program_has_started_when_it_is_cancelled(string script)
    {
        var started = new TaskCompletionSource<int>();
        using var cancel = new CancellationTokenSource();
        Task run = HelperProgram.RunAsync(
            "sh",
            ["-c", script],
            new HelperOptions { OnOutputLine = line => started.SetResult(LeftProcess.NumberIn(line)) },
            cancel.Token
        );
        int left = await started.Task.WaitAsync(Bound, Token);

        await cancel.CancelAsync();

        await run.Invoking(task => task.WaitAsync(Bound, Token)).Should().ThrowAsync<OperationCanceledException>();
        await LeftProcess.ShouldBeGoneAsync(left);
    }

    [Fact]
    public async Task Does_not_wait_for_one_that_escaped_with_its_pipes()
    {
        HelperResult result = await RunAsync("(env -i sleep 60 & echo $!); printf words; exit 3", Token).WaitAsync(Bound, Token);

        using Process escaped = Process.GetProcessById(LeftProcess.NumberIn(result.StandardOutput));
        escaped.Kill();
        result.ExitCode.Should().Be(3);
        result.StandardOutput.Should().EndWith("\nwords", "all that the program itself wrote is there");
    }

    private static Task<HelperResult> RunAsync(string script, CancellationToken cancellationToken) =>
        HelperProgram.RunAsync("sh", ["-c", script], null, cancellationToken);
}
