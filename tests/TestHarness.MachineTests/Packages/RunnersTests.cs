using System.Diagnostics;
using System.Text.RegularExpressions;
using FluentAssertions;
using TestHarness.MachineTests.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Packages;

/// <summary>
/// The ways in which a project's tests run: each holds a failed test's machine, attaches what it had, and leaves nothing when it is ended.
/// </summary>
[Collection(nameof(PackageCollection))]
[Trait("Speed", "Slow")]
public sealed class RunnersTests(PackageFeed feed)
{
    private const int Limit = 600_000;

    public enum Runner
    {
        VSTest,
        TestingPlatform,
        Program,
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Timeout = Limit)]
    [InlineData("xunit.v3", "3.2.2", Runner.VSTest, "KILL")]
    [InlineData("xunit.v3", "3.2.2", Runner.Program, "INT")]
    [InlineData("xunit.v3.mtp-off", "4.0.2", Runner.VSTest, "KILL")]
    [InlineData("xunit.v3", "4.0.2", Runner.TestingPlatform, "KILL")]
    [InlineData("xunit.v3", "4.0.2", Runner.TestingPlatform, "INT")]
    [InlineData("xunit.v3", "4.0.2", Runner.Program, "INT")]
    public async Task Holds_attaches_and_ends(string package, string version, Runner runner, string signal)
    {
        string project = await BuildAsync(package, version, runner);

        using Process failing = Start(project, runner, "Fails");
        Task<string> output = failing.StandardOutput.ReadToEndAsync(Token);
        string instructions = await HeldRun.ReadInstructionsAsync(failing.StandardError);
        failing.HasExited.Should().BeFalse("the machine is held");
        File.Delete(Regex.Match(instructions, "release:  rm (.+)").Groups[1].Value);
        (await output)
            .Should()
            .MatchRegex(
                runner switch
                {
                    Runner.VSTest => "Failed!  - Failed: +1, Passed: +0,",
                    Runner.TestingPlatform => "failed: 1\n",
                    _ => "Total: 1, Errors: 0, Failed: 1",
                }
            );
        string results = Path.Combine(project, "results");
        if (runner == Runner.Program)
            (await File.ReadAllTextAsync($"{results}.xml", Token)).Should().MatchRegex("<attachment name=\"tiny-[0-9]+-serial-log\"");
        else
            Directory.GetFiles(results, "tiny-*-serial-log.txt", SearchOption.AllDirectories).Should().ContainSingle();

        using Process waiting = Start(project, runner, "Waits");
        Task<string> said = waiting.StandardOutput.ReadToEndAsync(Token);
        await HeldRun.WaitForAsync(() => File.Exists(Path.Combine(project, "waits")));
        await Repository.RunAsync("kill", [$"-{signal}", $"{waiting.Id}"], environment: null, Token);

        await waiting.WaitForExitAsync(Token).WaitAsync(TimeSpan.FromSeconds(20), Token);
        await HeldRun.WaitForAsync(() => Directory.GetDirectories(Path.Combine(project, "run"), "*-*").Length == 0);
        await said;
    }

    // A terminal's keys reach each of these; a job in the background would ignore them.
    private static Process Start(string project, Runner runner, string test) =>
        Repository.Start(
            "env",
            [
                Repository.DefaultSignals,
                "-C",
                project,
                .. runner switch
                {
                    Runner.VSTest => (string[])
                        ["dotnet", "test", "--no-build", "--filter", $"FullyQualifiedName~{test}", "--logger", "trx", .. Results],
                    Runner.TestingPlatform => ["dotnet", "test", "--no-build", "--filter-method", $"*.{test}", .. Results],
                    _ => ["bin/Debug/net10.0/Project", "-noLogo", "-noColor", "-method", $"*.{test}", "-xml", "results.xml"],
                },
            ],
            new Dictionary<string, string>
            {
                ["TESTHARNESS_ARTIFACTS"] = Path.Combine(project, "artifacts"),
                ["TESTHARNESS_RUN"] = Path.Combine(project, "run"),
                ["TESTHARNESS_HOLD"] = test == "Fails" ? "1" : "",
            }
        );

    private static string[] Results => ["--results-directory", "results"];

    private async Task<string> BuildAsync(string package, string version, Runner runner)
    {
        string[] adapters = runner == Runner.VSTest ? ["Microsoft.NET.Test.Sdk", "xunit.runner.visualstudio"] : [];
        string project = feed.NewProject(
            "net10.0",
            [.. adapters.Select(id => (id, PackageFeed.UsedVersionOf(id))), (package, version), ("TestHarness.Xunit", feed.Version)]
        );
        if (runner == Runner.TestingPlatform)
            await File.WriteAllTextAsync(
                Path.Combine(project, "global.json"),
                """{ "test": { "runner": "Microsoft.Testing.Platform" } }""",
                Token
            );
        await File.WriteAllTextAsync(
            Path.Combine(project, "SomeTests.cs"),
            """
            using TestHarness;
            using TestHarness.Xunit;
            using Xunit;

            public sealed class SomeTests
            {
                [Theory, VirtualMachine("tiny")]
                public async Task Fails(VirtualMachine vm) => Assert.Equal("Hurd\n", (await vm.Shell.RunAsync("uname -s")).StandardOutput);

                // Without the test's token.
                [Theory, VirtualMachine("tiny")]
                public async Task Waits(VirtualMachine vm)
                {
                    File.WriteAllText(Environment.GetEnvironmentVariable("TESTHARNESS_RUN") + "/../waits", "");
                    await vm.Shell.RunAsync("sleep 300", new ShellOptions { Timeout = TimeSpan.FromMinutes(10) });
                }
            }
            """,
            Token
        );
        (await PackageFeed.DotnetAsync("build", project, "-nodeReuse:false")).Should().NotContain("warning NU");
        return project;
    }
}
