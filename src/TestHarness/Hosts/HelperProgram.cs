using System.ComponentModel;
using Medallion.Shell;

namespace TestHarness.Hosts;

/// <summary>Runs a helper program of the host (qemu-img, mmdebstrap, rsync) to its end. The only place that knows MedallionShell.</summary>
internal static class HelperProgram
{
    /// <summary>Runs <paramref name="program"/>; it dies with this process and when <paramref name="cancellationToken"/> fires.</summary>
    /// <exception cref="HostNotReadyException">The program is not installed.</exception>
    public static async Task<HelperResult> RunAsync(
        string program, IEnumerable<string> arguments, HelperOptions? options, CancellationToken cancellationToken)
    {
        options ??= new HelperOptions();
        // Looked up here, because setpriv would report a missing program in its own words.
        string path = Prerequisites.Find(program);
        Command command = await SpawnThread.RunAsync(() => Command.Run(
            Prerequisites.Find("setpriv"),
            ["--pdeathsig", "KILL", "--", path, .. arguments],
            shell =>
            {
                shell.ThrowOnError(false);
                if (options.WorkingDirectory is { } directory)
                    shell.WorkingDirectory(directory);
                if (options.Environment is { } environment)
                    shell.EnvironmentVariables(environment);
            })).ConfigureAwait(false);

        using CancellationTokenRegistration kill = cancellationToken.Register(command.Kill);
        try
        {
            Task<List<string>> output = CollectAsync(command.StandardOutput, options.OnOutputLine);
            Task<List<string>> error = CollectAsync(command.StandardError, options.OnErrorLine);
            command.StandardInput.Close();
            CommandResult result = await command.Task.ConfigureAwait(false);
            string standardOutput = string.Join('\n', await output.ConfigureAwait(false));
            string standardError = string.Join('\n', await error.ConfigureAwait(false));
            cancellationToken.ThrowIfCancellationRequested();
            return new HelperResult(result.ExitCode, standardOutput, standardError);
        }
        catch (Win32Exception e)
        {
            throw new HostNotReadyException(new FailureText($"'{program}' could not be started.").Add("Reason", e.Message), e);
        }
    }

    private static async Task<List<string>> CollectAsync(TextReader reader, Action<string>? onLine)
    {
        var lines = new List<string>();
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            lines.Add(line);
            onLine?.Invoke(line);
        }

        return lines;
    }
}

/// <summary>How a helper program runs.</summary>
internal sealed record HelperOptions
{
    public string? WorkingDirectory { get; init; }

    /// <summary>Variables added to the ones of this process.</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    public Action<string>? OnOutputLine { get; init; }

    public Action<string>? OnErrorLine { get; init; }
}

/// <summary>What a helper program left: exit code and both streams, line ends as LF.</summary>
internal sealed record HelperResult(int ExitCode, string StandardOutput, string StandardError);
