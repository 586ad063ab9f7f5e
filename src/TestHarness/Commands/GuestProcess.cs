using TestHarness.Agents;
using TestHarness.Errors;
using TestHarness.Operations;
using TestHarness.Text;

namespace TestHarness;

/// <summary>A command that runs in the guest on its own. Disposing it kills everything that it started.</summary>
public sealed class GuestProcess : IAsyncDisposable
{
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan KillLimit = TimeSpan.FromSeconds(30);
    private const int LargestSignal = 64;

    private readonly MachineOperations _machine;
    private readonly AgentProcess _process;
    private readonly OutputCollector _output;
    private readonly Task<ShellResult> _completion;

    internal GuestProcess(MachineOperations machine, string command, AgentProcess process, ShellOptions options)
    {
        (_machine, _process, Command) = (machine, process, command);
        _output = machine.Record.Collect(options.MaxOutputBytes, options.OnOutput);
        _completion = CompleteAsync(options);
        // A test may never ask how it ended.
        _ = _completion.ContinueWith(
            static task => task.Exception,
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted,
            TaskScheduler.Default
        );
    }

    /// <summary>Gets the command.</summary>
    public string Command { get; }

    /// <summary>Gets the process id in the guest; also that of its session and process group.</summary>
    public int Id => _process.ProcessId;

    /// <summary>Gets a value indicating whether the command has ended, or was lost with its machine.</summary>
    public bool HasExited => _completion.IsCompleted;

    /// <summary>
    /// Gets the command's standard input. Disposing it is the end of file. Where <see cref="ShellOptions.StandardInput"/> was given, that
    /// is copied here, and nobody else writes. Writing to a command that takes no more throws <see cref="IOException"/>.
    /// </summary>
    public Stream StandardInput => _process.StandardInput;

    /// <summary>
    /// Gets what the command has written to its standard output so far (of much of it beginning and end,
    /// <see cref="ShellOptions.MaxOutputBytes"/>).
    /// </summary>
    public string StandardOutput => _output.SoFar(OutputStream.StandardOutput);

    /// <summary>Gets what the command has written to its standard error so far.</summary>
    public string StandardError => _output.SoFar(OutputStream.StandardError);

    /// <summary>Waits for the command's end; any exit code is a result. A command that outlives the limit runs on.</summary>
    /// <param name="timeout">The limit. Default: 10 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait, not the command.</param>
    /// <returns>The result.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out, or the command's own (<see cref="ShellOptions.Timeout"/>), which has
    /// killed it.</exception>
    /// <exception cref="GuestCommandException">The command was lost with the guest's agent.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<ShellResult> WaitAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        GuardAsync(
            $"the end of the command: {Command}",
            timeout ?? _machine.Scaled(DefaultLimit),
            _completion.WaitAsync,
            cancellationToken
        );

    /// <summary>
    /// Kills the command and everything that it started, and waits until all of that is gone. A receiver of its lines is waited for no
    /// longer than a second.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The result.</returns>
    /// <exception cref="WaitTimeoutException">It was not gone within 30 seconds.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<ShellResult> KillAsync(CancellationToken cancellationToken = default) =>
        GuardAsync(
            $"the end of the killed command: {Command}",
            _machine.Scaled(KillLimit),
            async token =>
            {
                _output.ReleaseReceiver();
                await _process.KillAsync(token).ConfigureAwait(false);
                return await _completion.WaitAsync(token).ConfigureAwait(false);
            },
            cancellationToken
        );

    /// <summary>
    /// Sends a signal to the command's process group; nothing happens where it has ended. Does not wait for what the signal does.
    /// </summary>
    /// <param name="signal">The signal's number on Linux, such as 15 for SIGTERM.</param>
    /// <param name="cancellationToken">Ends the sending.</param>
    /// <returns>A task for the sending.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such signal.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task SignalAsync(int signal, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(signal, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(signal, LargestSignal);
        return _machine.GuardAsync(
            $"signal {signal} to be sent to the command: {Command}",
            _machine.Scaled(KillLimit),
            async _ =>
            {
                await _process.SignalAsync(signal).ConfigureAwait(false);
                return true;
            },
            cancellationToken
        );
    }

    /// <summary>Kills the command where it still runs, with everything that it started. May be called twice.</summary>
    /// <returns>A task for the end; at most half a second: a guest that stands still is not waited for.</returns>
    public ValueTask DisposeAsync()
    {
        _output.ReleaseReceiver();
        return _process.DisposeAsync();
    }

    private async Task<ShellResult> GuardAsync(
        string waitedFor,
        TimeSpan limit,
        Func<CancellationToken, Task<ShellResult>> wait,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await _machine
                .GuardAsync(waitedFor, limit, wait, cancellationToken, lastSeen: () => _output.Describe(_machine.Mask))
                .ConfigureAwait(false);
        }
        catch (AgentException e)
        {
            throw new GuestCommandException(
                _machine.Facts(),
                Command,
                new FailureText($"Machine '{_machine.Name}': the command could not be ended: {e.Message}.").Add("Command", Command)
            );
        }
    }

    private async Task<ShellResult> CompleteAsync(ShellOptions options)
    {
        long began = _machine.Time.GetTimestamp();
        using Deadline limit = _machine.Time.Limit(options.Timeout ?? Timeout.InfiniteTimeSpan);
        // Its output ends with the machine; a receiver of lines must not hold that up.
        using CancellationTokenRegistration ended = _machine.Ended.Register(_output.ReleaseReceiver);
        try
        {
            Task input = options.StandardInput is { } from
                ? Shell.FeedAsync(from, _process.StandardInput, limit.Token)
                : Task.CompletedTask;
            await _output.CollectAsync(_process.StandardOutput, _process.StandardError, limit.Token).ConfigureAwait(false);
            AgentExit exit = await _process.Exit.WaitAsync(limit.Token).ConfigureAwait(false);
            await _machine.Record.Followers.SettleAsync().ConfigureAwait(false);
            if (input.IsFaulted)
                await input.ConfigureAwait(false);
            return ShellResult.Of(Command, exit, _output, _machine.Time.GetElapsedTime(began), _machine.Mask);
        }
        catch (Exception e)
        {
            // Nobody reads its output any more: it would stand still for ever.
            await _process.DisposeAsync().ConfigureAwait(false);
            if (e is OperationCanceledException && options.Timeout is { } ranOut)
                throw new WaitTimeoutException(_machine.Facts(), $"the command: {Command}", ranOut, _output.Describe(_machine.Mask));
            throw;
        }
    }
}
