using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Xunit;

/// <summary>A runner that has too little time on a busy host to read the last results as they come.</summary>
[Fault(
    "The host is so busy that the runner has not read the last results when the test program is about to end.",
    "The program waits until the results are read, at most 10 s. They are not lost. The run does not fail with \"Test "
        + "process crashed with exit code 0\"."
)]
public sealed class RunnerPipeTests
{
    private static readonly TimeSpan ReaderIsAway = TimeSpan.FromSeconds(3);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Theory(Timeout = 180_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_test_program_ends_once_its_results_are_read_or_nobody_is_left_to_read_them(bool reads)
    {
        string report = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        string program = Path.Combine(
            Path.GetDirectoryName(Repository.SampleTests)!,
            "bin",
            Repository.Configuration,
            "net10.0/TestHarness.SampleTests"
        );
        using Process run = Repository.Start(program, ["-noLogo", "-method", "*.FixtureTests.Passes", "-xml", report]);
        try
        {
            // Written once all tests have run.
            while (
                !File.Exists(report) || !(await File.ReadAllTextAsync(report, Token)).Contains("</assemblies>", StringComparison.Ordinal)
            )
                await Task.Delay(20, Token);
            run.WaitForExit(ReaderIsAway).Should().BeFalse("a runner would take that for a crash");

            if (reads)
                (await run.StandardOutput.ReadToEndAsync(Token)).Should().Contain("Total: 1, Errors: 0, Failed: 0");
            else
                run.StandardOutput.Close();

            run.WaitForExit(TimeSpan.FromSeconds(4)).Should().BeTrue();
            run.ExitCode.Should().Be(0);
        }
        finally
        {
            if (!run.HasExited)
                run.Kill(entireProcessTree: true);
            File.Delete(report);
        }
    }
}
