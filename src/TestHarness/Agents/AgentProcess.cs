using TestHarness.Specs;
using TestHarness.Text;

namespace TestHarness.Agents;

/// <summary>A command in the guest. Disposing it while it runs kills everything that it started.</summary>
/// <remarks>
/// <see cref="Exit"/> completes after all output has come, which waits for its reader once a window (256 KiB) is full. Who wants only the
/// exit disposes <see cref="StandardOutput"/> and <see cref="StandardError"/>: what comes is then thrown away.
/// </remarks>
internal sealed class AgentProcess : IAsyncDisposable
{
    private readonly AgentStream _stream;

    public AgentProcess(AgentStream stream, int processId)
    {
        _stream = stream;
        ProcessId = processId;
        Exit = WaitForExitAsync(stream);
    }

    public int ProcessId { get; }

    /// <summary>Gets the standard input. Disposing it is the end of file; on a terminal, that types the end-of-file character.</summary>
    public Stream StandardInput => _stream.Input;

    public Stream StandardOutput => _stream.Output;

    public Stream StandardError => _stream.Error;

    /// <summary>Gets how it ended; fails with <see cref="AgentLostException"/> where nobody will know.</summary>
    public Task<AgentExit> Exit { get; }

    /// <summary>Sends a signal to its process group, on a terminal to the one in the foreground. Does nothing once it has ended.</summary>
    public Task SignalAsync(int signal)
    {
        _stream.Send(AgentFrameType.Signal, 0, AgentRequests.Number(signal));
        return Task.CompletedTask;
    }

    /// <summary>Tells its terminal a new size. Does nothing without a terminal.</summary>
    public Task ResizeAsync(AgentTerminal size)
    {
        _stream.Send(AgentFrameType.Resize, 0, AgentRequests.Size(size));
        return Task.CompletedTask;
    }

    /// <summary>
    /// Kills it and everything that it started, and waits until all of that is gone. Output up to then can still be read.
    /// </summary>
    public async Task KillAsync(CancellationToken cancellationToken = default)
    {
        _stream.Send(AgentFrameType.Kill, 0, []);
        await Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (Exit.IsCompleted)
        {
            _stream.Output.Dispose();
            _stream.Error.Dispose();
            return;
        }

        _stream.Kill();
        await ((Task)Exit.WaitAsync(Aftermath.Kill, Clock.System)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task<AgentExit> WaitForExitAsync(AgentStream stream)
    {
        (AgentExitKind kind, int code) = await stream.Ended.ConfigureAwait(false);
        return kind == AgentExitKind.Signalled ? new AgentExit(null, code) : new AgentExit(code, null);
    }
}
