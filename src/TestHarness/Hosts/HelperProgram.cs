using System.ComponentModel;
using System.Diagnostics;
using CliWrap;
using TestHarness.Errors;

namespace TestHarness.Hosts;

/// <summary>Runs a helper program of the host (qemu-img, mmdebstrap, rsync) to its end. The only place that knows CliWrap.</summary>
internal static class HelperProgram
{
    /// <summary>
    /// Runs <paramref name="program"/>; it dies with this process and when <paramref name="cancellationToken"/> fires, and all that it
    /// started ends with it.
    /// </summary>
    /// <exception cref="HostNotReadyException">The program is not installed.</exception>
    public static async Task<HelperResult> RunAsync(
        string program,
        IEnumerable<string> arguments,
        HelperOptions? options,
        CancellationToken cancellationToken
    )
    {
        options ??= new HelperOptions();
        // Looked up here, because setpriv would report a missing program in its own words.
        string path = Prerequisites.Find(program);
        var family = new ProgramFamily();
        using var pipes = new HelperPipes();
        Process process = await StartAsync(program, ["--pdeathsig", "KILL", "--", path, .. arguments], family, pipes, options)
            .ConfigureAwait(false);
        using CancellationTokenRegistration kill = cancellationToken.Register(Kill);
        HelperOutput written = new(options, options.OnOutputLine),
            words = new(options, options.OnErrorLine);
        var outputPipe = new ProgramOutput(await pipes.Output.ConfigureAwait(false), family.Ended);
        var errorPipe = new ProgramOutput(await pipes.Error.ConfigureAwait(false), family.Ended);
        Stream inputPipe = await pipes.Input.ConfigureAwait(false);
        Task<List<string>> output = options.Take is { } take
            ? OrKillAsync(Kill, async () => await TakeAsync(outputPipe, take).ConfigureAwait(false))
            : OrKillAsync(Kill, () => written.ReadAsync(new StreamReader(outputPipe), Kill));
        Task<List<string>> error = OrKillAsync(Kill, () => words.ReadAsync(new StreamReader(errorPipe), Kill));
        Task<List<string>> input = OrKillAsync(Kill, () => FeedAsync(inputPipe, options.Feed));
        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        int exitCode = process.ExitCode;
        await family.EndAsync(exitCode, Task.WhenAll(output, error), thoroughly: false).ConfigureAwait(false);
        await input.ConfigureAwait(false);
        string standardOutput = string.Join('\n', await output.ConfigureAwait(false));
        string standardError = string.Join('\n', await error.ConfigureAwait(false));
        cancellationToken.ThrowIfCancellationRequested();
        return !written.IsTooMuch && !words.IsTooMuch
            ? new HelperResult(exitCode, standardOutput, standardError)
            : new HelperResult(
                HelperOutput.TooMuch,
                standardOutput,
                $"{standardError}\n'{program}' wrote more than {options.MostOutput} characters, or a line without end, and was ended."
            );

        void Kill()
        {
            if (!process.HasExited)
                family.Kill(process.Id);
        }
    }

    private static async Task<Process> StartAsync(
        string program,
        string[] arguments,
        ProgramFamily family,
        HelperPipes pipes,
        HelperOptions options
    )
    {
        Process? started = null;
        Command command = Cli.Wrap(Prerequisites.Find("setpriv"))
            .WithArguments(arguments)
            .WithWorkingDirectory(options.WorkingDirectory ?? Environment.CurrentDirectory)
            .WithValidation(CommandResultValidation.None)
            .WithStandardInputPipe(pipes.Source)
            .WithStandardOutputPipe(pipes.OutputTarget)
            .WithStandardErrorPipe(pipes.ErrorTarget);
        try
        {
            await SpawnThread
                .RunAsync(() =>
                    command.ExecuteAsync(
                        info =>
                        {
                            HelperEnvironment.Give(info, options.Environment);
                            family.Mark(info);
                        },
                        process => started = process
                    )
                )
                .ConfigureAwait(false);
            return started!;
        }
        catch (Win32Exception e)
        {
            // The host gives no process: its memory or its limits are used up.
            throw new HostNotReadyException(new FailureText($"'{program}' could not be started.").Add("Reason", e.Message), e);
        }
    }

    // A receiver of lines may throw, and what feeds the program may break off: it would then wait for ever for somebody to go on.
    private static async Task<List<string>> OrKillAsync(Action kill, Func<Task<List<string>>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch
        {
            kill();
            throw;
        }
    }

    private static async Task<List<string>> TakeAsync(Stream output, Func<Stream, Task> take)
    {
        await take(output).ConfigureAwait(false);
        return [];
    }

    private static async Task<List<string>> FeedAsync(Stream input, Func<Stream, Task>? feed)
    {
        try
        {
            await using (input.ConfigureAwait(false))
            {
                if (feed is not null)
                    await feed(input).ConfigureAwait(false);
            }
        }
        catch (IOException)
        {
            // The program ended before it had read everything; its exit code and words tell why.
        }

        return [];
    }
}

/// <summary>How a helper program runs.</summary>
internal sealed record HelperOptions
{
    private const int UsualOutput = 8 * 1024 * 1024;

    public string? WorkingDirectory { get; init; }

    /// <summary>How many characters it may write to either stream; it is ended at more.</summary>
    public long MostOutput { get; init; } = UsualOutput;

    /// <summary>How many of these are kept for the result at least, the last ones.</summary>
    public int KeptOutput { get; init; } = UsualOutput;

    /// <summary>Variables added to the ones that all helper programs get.</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    public Action<string>? OnOutputLine { get; init; }

    public Action<string>? OnErrorLine { get; init; }

    /// <summary>Writes the program's standard input, which is closed afterwards. Default: there is none.</summary>
    public Func<Stream, Task>? Feed { get; init; }

    /// <summary>Reads the program's standard output, in place of its lines.</summary>
    public Func<Stream, Task>? Take { get; init; }
}

/// <summary>What a helper program left: exit code and both streams, line ends as LF.</summary>
internal sealed record HelperResult(int ExitCode, string StandardOutput, string StandardError);
