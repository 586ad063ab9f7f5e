using System.Diagnostics;
using System.Text;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests;

/// <summary>
/// The program of TestHarness.SampleProgram at a terminal of its own, whose keys are typed by the test, as a job of a shell. The shell says
/// "device", "before", then the program what it says, then the shell "job-ended" with the exit code, and "after"; before and after have
/// what <c>stty -g</c> says. Where the job stops, the shell says "stopped" instead, and brings it back after Enter.
/// </summary>
internal sealed class TerminalProgram : IDisposable
{
    // What comes may have to wait for a guest to boot.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-terminal-").FullName;
    private readonly Process _socat;
    private readonly StringBuilder _shown = new();
    private readonly Task _reading;
    private int _searchFrom;

    /// <summary>Starts it.</summary>
    /// <param name="arguments">Quoted for a shell.</param>
    public TerminalProgram(string arguments)
        : this("", $"dotnet {SampleProgram.Path} {arguments}") { }

    /// <summary>Starts another program at such a terminal.</summary>
    /// <param name="environment">Words for env(1).</param>
    /// <param name="command">The program and its arguments, quoted for a shell.</param>
    public TerminalProgram(string environment, string command)
    {
        string script = Path.Combine(_folder, "run");
        File.WriteAllText(
            script,
            $"""
            set -m
            trap : INT
            echo "device $(tty)."
            echo "before $(stty -g)."
            env {Repository.DefaultSignals} TERM=vt220 {environment} {command}
            code=$?
            while [ $code = 147 ]; do
                echo "stopped $(stty -g)."
                read -r enter
                fg > /dev/null
                code=$?
            done
            echo "job-ended $code."
            echo "after $(stty -g)."
            """
        );
        var start = new ProcessStartInfo("socat", ["-", $"EXEC:sh {script},pty,setsid,ctty,stderr"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        _socat = Process.Start(start)!;
        _reading = ReadAsync();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>All that the terminal has shown.</summary>
    public string Shown
    {
        get
        {
            lock (_shown)
                return _shown.ToString();
        }
    }

    /// <summary>Waits for a text behind the last one, and for what follows it up to another.</summary>
    public async Task<string> WaitForAsync(string text, string upTo = "")
    {
        var since = Stopwatch.StartNew();
        while (true)
        {
            string shown = Shown;
            int at = shown.IndexOf(text, _searchFrom, StringComparison.Ordinal) + text.Length;
            int end = at < text.Length ? -1 : shown.IndexOf(upTo, at, StringComparison.Ordinal);
            if (end >= 0)
            {
                _searchFrom = end + upTo.Length;
                return shown[at..end];
            }

            _reading.IsCompleted.Should().BeFalse($"\"{text}\" is still to come after:\n{shown}");
            since.Elapsed.Should().BeLessThan(Limit, $"\"{text}\" comes after:\n{shown}");
            await Task.Delay(20, Token);
        }
    }

    /// <summary>Types keys.</summary>
    public async Task TypeAsync(string keys)
    {
        await _socat.StandardInput.WriteAsync(keys.AsMemory(), Token);
        await _socat.StandardInput.FlushAsync(Token);
    }

    /// <summary>Runs stty on the terminal, from outside.</summary>
    public static async Task<string> SttyAsync(string device, params string[] arguments)
    {
        (int exitCode, string output) = await Repository.RunAsync("stty", ["-F", device, .. arguments], null, Token);
        exitCode.Should().Be(0, output);
        return output.Trim();
    }

    public void Dispose()
    {
        if (!_socat.HasExited)
            _socat.Kill(entireProcessTree: true);
        _socat.WaitForExit();
        _socat.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task ReadAsync()
    {
        var buffer = new char[4096];
        int count;
        while ((count = await _socat.StandardOutput.ReadAsync(buffer)) > 0)
        {
            lock (_shown)
                _shown.Append(buffer, 0, count);
        }
    }
}
