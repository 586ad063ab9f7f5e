using System.Diagnostics;
using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>The command <c>testvm</c> as a person uses it, with data and run folders of its own.</summary>
internal sealed class TestVm : IDisposable
{
    private const UnixFileMode Open = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute;

    private readonly Dictionary<string, string> _environment = [];

    public TestVm()
    {
        string root = $"/tmp/tv-{Guid.NewGuid():N}"[..16];
        Root = Directory.CreateDirectory(root, Open).FullName;
        _environment["TESTHARNESS_RUN"] = Directory.CreateDirectory(Path.Combine(root, "run"), Open).FullName;
        _environment["TESTHARNESS_DATA"] = Data = Path.Combine(root, "data");
    }

    public string Root { get; }

    public string Data { get; }

    private static string Program { get; } =
        Path.Combine(Repository.Root, $"src/TestHarness.Tool/bin/{Repository.Configuration}/net10.0/testvm");

    public void With(string variable, string value) => _environment[variable] = value;

    public Process Start(params string[] arguments) => Repository.Start(Program, arguments, _environment);

    /// <summary>Runs it to its end; returns its exit code, what it wrote to standard output, and to standard error.</summary>
    public async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments) => await EndAsync(Start(arguments));

    /// <summary>Runs it; it must succeed. Returns its standard output.</summary>
    public async Task<string> DoAsync(params string[] arguments)
    {
        (int exitCode, string output, string error) = await RunAsync(arguments);
        exitCode.Should().Be(0, "testvm {0} succeeds: {1}{2}", string.Join(' ', arguments), output, error);
        return output;
    }

    /// <summary>Runs it by a shell script, in which it is <c>testvm</c>.</summary>
    public async Task<(int ExitCode, string Output, string Error)> ScriptAsync(string script, string shell = "sh") =>
        await EndAsync(Repository.Start(shell, ["-c", $"testvm() {{ '{Program}' \"$@\"; }}; {script}"], _environment));

    /// <summary>Runs it at a terminal.</summary>
    public TerminalProgram AtTerminal(string arguments) =>
        new(string.Join(' ', _environment.Select(variable => $"{variable.Key}={variable.Value}")), $"{Program} {arguments}");

    /// <summary>A shell in tmux, in the root folder, that finds <c>testvm</c>.</summary>
    public Task<TmuxTerminal> InTmuxAsync() =>
        TmuxTerminal.StartAsync(
            Root,
            new Dictionary<string, string>(_environment)
            {
                ["PATH"] = $"{Path.GetDirectoryName(Program)}:{Environment.GetEnvironmentVariable("PATH")}",
            }
        );

    /// <summary>Finds the process that keeps a machine.</summary>
    public int KeeperOf(string machine) =>
        int.Parse(
            FileLock.ReadOwner(Path.Combine(Data, "machines", machine, "host.lock")).Split(' ')[1],
            System.Globalization.CultureInfo.InvariantCulture
        );

    public void Dispose()
    {
        foreach (
            string folder in Directory.Exists(Path.Combine(Data, "machines"))
                ? Directory.GetDirectories(Path.Combine(Data, "machines"))
                : []
        )
            EndAsync(Start("delete", "--force", Path.GetFileName(folder))).GetAwaiter().GetResult();
        using Process remove = Process.Start("rm", ["-rf", Root]);
        remove.WaitForExit();
    }

    private static async Task<(int ExitCode, string Output, string Error)> EndAsync(Process process)
    {
        using (process)
        {
            Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, output, await error);
        }
    }
}
