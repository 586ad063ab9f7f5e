using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>A <c>dotnet test</c> run is killed in each way it can be; no QEMU stays.</summary>
[Fault(
    "A process of the test run is killed by `kill -9`. The hang collector kills the run. A program that owns a "
        + "machine gets SIGINT, SIGTERM, SIGHUP or SIGQUIT.",
    "After 3 s no QEMU, no helper program and no run folder is left.",
    "KilledOwnerTests"
)]
public sealed class SupervisionTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(3);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Over five seconds in every run: test runs of their own.
    [Theory]
    [InlineData("the test program", Traits = ["Speed", "Slow"])]
    [InlineData("testhost")]
    [InlineData("vstest.console", Traits = ["Speed", "Slow"])]
    [InlineData("dotnet test")]
    public async Task Leaves_no_machine_when_a_process_of_the_run_is_killed(string which)
    {
        using Process run = StartHangingRun(out string pidFile, []);
        int[] machine = await ReadPidsAsync(pidFile);
        (int qemu, int program) = (machine[0], machine[1]);
        string runFolder = FolderOf(qemu);
        // From the test program upwards: testhost, vstest.console, dotnet test.
        int victim = which switch
        {
            "the test program" => program,
            "testhost" => Parent(program),
            "vstest.console" => Parent(Parent(program)),
            _ => Parent(Parent(Parent(program))),
        };

        using (Process killed = Process.GetProcessById(victim))
            killed.Kill();

        await AssertGoneAsync(qemu, runFolder);
        run.Kill(entireProcessTree: true);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Leaves_no_machine_when_the_run_hangs_and_is_ended_by_its_blame_collector()
    {
        using Process run = StartHangingRun(
            out string pidFile,
            ["--blame-hang", "--blame-hang-timeout", "20s", "--blame-hang-dump-type", "none"]
        );
        int qemu = (await ReadPidsAsync(pidFile))[0];
        string runFolder = FolderOf(qemu);

        Task<string> output = run.StandardOutput.ReadToEndAsync(Token);
        await run.WaitForExitAsync(Token).WaitAsync(TimeSpan.FromMinutes(2), Token);

        await AssertGoneAsync(qemu, runFolder);
        (await output).Should().Contain("hang", "it is the collector that ended the run");
    }

    private static Process StartHangingRun(out string pidFile, string[] arguments)
    {
        pidFile = Path.Combine(Path.GetTempPath(), $"testharness-pids-{Guid.NewGuid():N}");
        Process run = Repository.Start(
            "dotnet",
            [
                "test",
                Repository.SampleTests,
                "--no-build",
                "-c",
                Repository.Configuration,
                "--filter",
                "FullyQualifiedName~Hangs_with_a_machine",
                .. arguments,
            ],
            new Dictionary<string, string> { ["SAMPLE_PID_FILE"] = pidFile }
        );
        return run;
    }

    private static async Task<int[]> ReadPidsAsync(string pidFile)
    {
        var limit = Stopwatch.StartNew();
        while (limit.Elapsed < TimeSpan.FromMinutes(2))
        {
            if (
                File.Exists(pidFile)
                && await File.ReadAllTextAsync(pidFile, Token) is { Length: > 0 } text
                && text.Split(' ') is { Length: 2 } parts
            )
            {
                File.Delete(pidFile);
                return [.. parts.Select(part => int.Parse(part, System.Globalization.CultureInfo.InvariantCulture))];
            }

            await Task.Delay(50, Token);
        }

        throw new TimeoutException("The sample run did not start its machine.");
    }

    private static async Task AssertGoneAsync(int qemu, string runFolder)
    {
        var since = Stopwatch.StartNew();
        while (since.Elapsed < Bound && (Alive(qemu) || Directory.Exists(runFolder)))
            await Task.Delay(20, Token);
        Alive(qemu).Should().BeFalse($"QEMU is gone within {Bound.TotalSeconds} s");
        Directory.Exists(runFolder).Should().BeFalse($"the run folder '{runFolder}' is gone within {Bound.TotalSeconds} s");
    }

    private static string FolderOf(int qemu) => new FileInfo($"/proc/{qemu}/cwd").LinkTarget!;

    private static bool Alive(int process) => File.Exists($"/proc/{process}/stat") && State(process) is not ("Z" or "X");

    private static string State(int process)
    {
        try
        {
            return Fields(process)[0];
        }
        catch (IOException)
        {
            return "X";
        }
    }

    private static int Parent(int process) => int.Parse(Fields(process)[1], System.Globalization.CultureInfo.InvariantCulture);

    // What follows the name in its brackets: state, parent (proc_pid_stat(5)).
    private static string[] Fields(int process)
    {
        string status = File.ReadAllText($"/proc/{process}/stat");
        return status[(status.LastIndexOf(')') + 2)..].Split(' ');
    }
}
