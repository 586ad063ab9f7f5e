using System.Diagnostics;
using System.Text.RegularExpressions;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>
/// A shell in tmux, whose keys are typed by the test, and whose screen it reads as a person does. The prompt counts: <c>1$ </c>, <c>2$ </c>
/// and so on.
/// </summary>
internal sealed class TmuxTerminal : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string _socket;
    private int _prompt;

    private TmuxTerminal(string socket) => _socket = socket;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Starts a shell in a folder.</summary>
    public static async Task<TmuxTerminal> StartAsync(string folder, IReadOnlyDictionary<string, string> environment)
    {
        var terminal = new TmuxTerminal(Path.Combine(folder, "tmux"));
        string variables = string.Join(' ', environment.Append(new("PS1", @"\#$ ")).Select(one => $"'{one.Key}={one.Value}'"));
        await terminal.TmuxAsync([
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "110",
            "-y",
            "40",
            "-c",
            folder,
            $"exec env {variables} bash --norc --noprofile",
        ]);
        await terminal.WaitForAsync(@"^1\$ $");
        return terminal;
    }

    /// <summary>All that the terminal has shown.</summary>
    public async Task<string> ReadAsync() => await TmuxAsync(["capture-pane", "-p", "-J", "-S", "-"]);

    /// <summary>Types a line.</summary>
    public async Task TypeAsync(string line)
    {
        await TmuxAsync(["send-keys", "-l", line]);
        await TmuxAsync(["send-keys", "Enter"]);
    }

    /// <summary>Types a command, waits for the next prompt, and returns what was shown between.</summary>
    public async Task<string> DoAsync(string command)
    {
        await TypeAsync(command);
        return await EndAsync();
    }

    /// <summary>Waits for the next prompt, and returns what was shown since the last one, but for the command's own line.</summary>
    public async Task<string> EndAsync()
    {
        _prompt++;
        string shown = await WaitForAsync($@"^{_prompt + 1}\$ ?$");
        string since = shown[
            shown.IndexOf($"{_prompt}$ ", StringComparison.Ordinal)..shown.LastIndexOf($"{_prompt + 1}$", StringComparison.Ordinal)
        ];
        return since[(since.IndexOf('\n', StringComparison.Ordinal) + 1)..];
    }

    /// <summary>Waits until what is shown matches, and returns it all.</summary>
    public async Task<string> WaitForAsync(string pattern)
    {
        var since = Stopwatch.StartNew();
        while (true)
        {
            string shown = (await ReadAsync()).TrimEnd('\n');
            if (Regex.IsMatch(shown, pattern, RegexOptions.Multiline))
                return shown;
            since.Elapsed.Should().BeLessThan(Limit, $"{pattern} comes in:\n{shown}");
            await Task.Delay(50, Token);
        }
    }

    public void Dispose()
    {
        using Process kill = Process.Start("tmux", ["-S", _socket, "kill-server"]);
        kill.WaitForExit();
    }

    private async Task<string> TmuxAsync(IReadOnlyList<string> arguments)
    {
        (int exitCode, string output) = await Repository.RunAsync("tmux", ["-S", _socket, .. arguments], null, Token);
        exitCode.Should().Be(0, output);
        return output;
    }
}
