using System.Text;
using TestHarness.Agents;
using TestHarness.Hosts;

namespace TestHarness.Commands;

/// <summary>The caller's standard input on its way into a guest, until it ends; at a terminal, until the person leaves.</summary>
internal sealed class CallerJoin : IDisposable
{
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly LeaveKeys _leave = new();
    private readonly CallerInput _input;
    private readonly bool _isTerminal;

    public CallerJoin(bool isTerminal)
    {
        _isTerminal = isTerminal;
        _input = new CallerInput(bytes => isTerminal && Leaves(bytes));
    }

    /// <summary>Ends when the person at the terminal leaves, or the terminal is gone.</summary>
    public Task Left => _left.Task;

    /// <summary>Tells the person at the terminal how to leave. On standard error, for the guest's own output may go to a file.</summary>
    public static async Task TellAsync(string machineName)
    {
        Stream error = Console.OpenStandardError();
        await error.WriteAsync(Encoding.UTF8.GetBytes($"Machine '{machineName}': {LeaveKeys.Instruction}.\r\n")).ConfigureAwait(false);
    }

    /// <summary>Writes what comes to the guest, and tells the end of what is no terminal.</summary>
    public async Task PassOnAsync(
        Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> write,
        Func<ValueTask> end,
        CancellationToken cancellationToken
    )
    {
        try
        {
            await foreach (byte[] bytes in _input.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                await write(bytes, cancellationToken).ConfigureAwait(false);
            if (_isTerminal)
                _left.TrySetResult();
            else
                await end().ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or AgentLostException or ObjectDisposedException)
        {
            // It has ended, or takes no more; whoever waits for its end tells how.
        }
    }

    public void Dispose() => _input.Dispose();

    private bool Leaves(byte[] bytes) => _leave.See(bytes) && _left.TrySetResult();
}
