using System.Diagnostics;
using System.Globalization;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests;

/// <summary>The program of TestHarness.SampleProgram, which owns machines of its own, with a run folder of its own.</summary>
internal sealed class SampleProgram : IDisposable
{
    private readonly Dictionary<string, string> _environment = [];
    private readonly List<Process> _processes = [];

    public SampleProgram(string? cache = null)
    {
        // Short, for unix sockets; and whoever QEMU runs as must be able to pass through.
        RunFolder = Directory
            .CreateDirectory($"/tmp/th-{Guid.NewGuid():N}"[..16], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute)
            .FullName;
        _environment["TESTHARNESS_RUN"] = RunFolder;
        if (cache is not null)
            _environment["TESTHARNESS_CACHE"] = cache;
    }

    public static string Path { get; } =
        System.IO.Path.Combine(
            Repository.Root,
            $"tests/TestHarness.SampleProgram/bin/{Repository.Configuration}/net10.0/TestHarness.SampleProgram.dll"
        );

    public string RunFolder { get; }

    /// <summary>What lies in the run folder of the program's processes and machines; the folder of the ledger stays.</summary>
    public string[] Leftovers => [.. Directory.GetDirectories(RunFolder, "*-*")];

    /// <summary>A moment after a program has ended its reaper has removed what it had.</summary>
    public async Task AssertNothingStaysAsync()
    {
        var since = Stopwatch.StartNew();
        while (Leftovers.Length > 0 && since.Elapsed < TimeSpan.FromSeconds(3))
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Leftovers.Should().BeEmpty("no run folder stays");
        string ledger = System.IO.Path.Combine(RunFolder, "ledger");
        (Directory.Exists(ledger) ? Directory.GetFiles(ledger, "*.taken") : []).Should().BeEmpty("no share of the host stays taken");
    }

    public SampleProgram With(string variable, string value)
    {
        _environment[variable] = value;
        return this;
    }

    public Process Start(params string[] arguments) => StartIn("env", [Repository.DefaultSignals, "dotnet", Path, .. arguments]);

    /// <summary>Starts it by a shell script, as <c>"$@"</c>.</summary>
    public Process StartBy(string script, params string[] arguments) => StartIn("sh", ["-c", script, "sh", "dotnet", Path, .. arguments]);

    public Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) =>
        Repository.RunAsync("dotnet", [Path, .. arguments], _environment, TestContext.Current.CancellationToken);

    /// <summary>Runs it by a shell script, as <c>"$@"</c>, in mounts of its own, which end with it.</summary>
    public Task<(int ExitCode, string Output)> RunInMountsAsync(string script, params string[] arguments)
    {
        Environment.UserName.Should().Be("root", "this test mounts file systems: run it as root, or in a container where you are");
        return Repository.RunAsync(
            "unshare",
            ["--mount", "--", "sh", "-c", script, "sh", "dotnet", Path, .. arguments],
            _environment,
            TestContext.Current.CancellationToken
        );
    }

    /// <summary>Starts <c>hold</c>; returns once there is a QEMU, or once its machine is up.</summary>
    public async Task<HeldMachine> HoldAsync(bool untilUp, params string[] qemu) => await HoldAsync(Start(["hold", .. qemu]), untilUp);

    public static async Task<HeldMachine> HoldAsync(Process program, bool untilUp)
    {
        string[] words = (await ReadLineAsync(program, "qemu ")).Split(' ', 3);
        if (untilUp)
            await ReadLineAsync(program, "running");
        return new HeldMachine(program, int.Parse(words[1], CultureInfo.InvariantCulture), words[2]);
    }

    /// <summary>Reads the program's output up to a line that begins so.</summary>
    public static async Task<string> ReadLineAsync(Process program, string beginning)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(2));
        while (await program.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.StartsWith(beginning, StringComparison.Ordinal))
                return line;
        }

        throw new InvalidOperationException(
            $"The program ended before it said \"{beginning}\": {await program.StandardError.ReadToEndAsync(limit.Token)}"
        );
    }

    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }

        // Not by Directory.Delete, which fails where the reaper of a program that was just killed removes the same folders.
        using Process remove = Process.Start("rm", ["-rf", RunFolder]);
        remove.WaitForExit();
    }

    private Process StartIn(string program, string[] arguments)
    {
        Process process = Repository.Start(program, arguments, _environment);
        _processes.Add(process);
        return process;
    }
}

/// <summary>A machine of another program.</summary>
internal sealed record HeldMachine(Process Program, int Qemu, string Folder);
