using System.Text;
using System.Text.RegularExpressions;
using TestHarness.Guest;
using TestHarness.Qemu;

namespace TestHarness;

/// <summary>A machine's serial console: the whole log, waiting for text, writing lines.</summary>
public sealed class SerialConsole
{
    internal const int TailLines = 40;

    private static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(2);

    private readonly VirtualMachine _machine;
    private readonly Lock _gate = new();
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SerialPipe? _pipe;
    private Task _reader = Task.CompletedTask;
    private int _searchFrom;

    internal SerialConsole(VirtualMachine machine) => _machine = machine;

    /// <summary>Happens for the bytes that come, on the reader's thread.</summary>
    internal event Action<ReadOnlyMemory<byte>>? Received;

    /// <summary>Gets everything that the console has shown.</summary>
    public SerialLog Log { get; } = new();

    internal string Tail => TextTail.Of(Log.Text, TailLines);

    /// <summary>Waits until the console shows a text. The search begins where the last match ended, the first one at the first byte.</summary>
    /// <param name="text">The text, compared exactly.</param>
    /// <param name="timeout">The limit. Default: 2 minutes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The text.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task<string> WaitForAsync(string text, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        return WaitAsync($"\"{text}\" on the serial console", Find, timeout, cancellationToken);

        (int End, string Value)? Find(string log, int from) =>
            log.IndexOf(text, from, StringComparison.Ordinal) is var at and >= 0 ? (at + text.Length, text) : null;
    }

    /// <summary>Waits until the console shows a match. The search begins where the last match ended, the first one at the first byte.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="timeout">The limit. Default: 2 minutes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The match.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task<Match> WaitForAsync(Regex pattern, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return WaitAsync($"/{pattern}/ on the serial console", Find, timeout, cancellationToken);

        (int End, Match Value)? Find(string log, int from) =>
            pattern.Match(log, from) is { Success: true } match ? (match.Index + match.Length, match) : null;
    }

    /// <summary>Types a line and Enter.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>A task for the writing.</returns>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task WriteLineAsync(string line, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(line);
        return _machine.GuardAsync(
            "the serial console to take a line",
            DefaultLimit,
            async token =>
            {
                // What a terminal's Enter key sends; Linux maps it to a line feed (ICRNL), firmware expects it.
                await _pipe!.WriteAsync(Encoding.UTF8.GetBytes($"{line}\r"), token).ConfigureAwait(false);
                return true;
            },
            cancellationToken);
    }

    /// <summary>Types bytes as they are.</summary>
    internal ValueTask TypeAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => _pipe!.WriteAsync(bytes, cancellationToken);

    /// <summary>Starts reading from a new QEMU, which has opened the pipes; the log goes on.</summary>
    internal void Attach(SerialPipe pipe)
    {
        _pipe = pipe;
        _reader = pipe.ReadToEndAsync(Receive);
    }

    /// <summary>Waits until all that a QEMU that has ended wrote is in the log.</summary>
    internal async Task DrainAsync()
    {
        await _reader.ConfigureAwait(false);
        _pipe?.Dispose();
    }

    private Task<T> WaitAsync<T>(
        string waitedFor, Func<string, int, (int End, T Value)?> find, TimeSpan? timeout, CancellationToken cancellationToken) =>
        _machine.GuardAsync(
            waitedFor,
            timeout ?? DefaultLimit,
            async token =>
            {
                while (true)
                {
                    Task grown;
                    lock (_gate)
                    {
                        grown = _grown.Task;
                        if (find(Log.Text, _searchFrom) is { } found)
                        {
                            _searchFrom = found.End;
                            return found.Value;
                        }
                    }

                    await grown.WaitAsync(token).ConfigureAwait(false);
                }
            },
            cancellationToken);

    private void Receive(ReadOnlyMemory<byte> bytes)
    {
        Log.Append(bytes.Span);
        Received?.Invoke(bytes);
        TaskCompletionSource grown;
        lock (_gate)
        {
            grown = _grown;
            _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        grown.TrySetResult();
    }
}
