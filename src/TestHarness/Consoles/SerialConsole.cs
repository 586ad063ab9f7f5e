using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using TestHarness.Consoles;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness;

/// <summary>
/// A machine's serial console, or another serial port of its (<see cref="MachineSpec.SerialPorts"/>): the whole log, waiting for text,
/// writing lines.
/// </summary>
public sealed partial class SerialConsole
{
    internal const int TailLines = 40;

    private static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(50);

    private readonly MachineOperations _machine;
    private readonly string _title;
    private readonly Lock _gate = new();
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SerialPipe? _pipe;
    private Task _reader = Task.CompletedTask;
    private long _searchFrom;

    internal SerialConsole(MachineOperations machine, string? name = null, int index = 0)
    {
        _machine = machine;
        Name = name;
        Log = new SerialLog(mask: () => machine.Mask);
        _title = name is null ? "the serial console" : $"serial port '{name}'";
        DevicePath = string.Create(CultureInfo.InvariantCulture, $"/dev/ttyS{index}");
    }

    /// <summary>Gets the port's name in <see cref="MachineSpec.SerialPorts"/>, or <see langword="null"/> for the console.</summary>
    public string? Name { get; }

    /// <summary>Gets the guest's device: <c>/dev/ttyS0</c> for the console, <c>/dev/ttyS1</c> onwards for the others.</summary>
    public string DevicePath { get; }

    /// <summary>
    /// Happens for the bytes that come, on the reader's thread: it must be quick and must not throw. What a template's machine wrote is not
    /// told.
    /// </summary>
    internal event Action<ReadOnlyMemory<byte>>? Received;

    /// <summary>Gets what the console has shown.</summary>
    public SerialLog Log { get; }

    internal string Tail => Log.Tail(TailLines);

    /// <summary>
    /// Waits until the console shows a text. The search begins where the last match ended, the first one at the first byte.
    /// </summary>
    /// <param name="text">The text, compared exactly.</param>
    /// <param name="timeout">The limit. Default: 2 minutes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The text.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task<string> WaitForAsync(string text, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        return WaitAsync($"\"{text}\" on {_title}", SerialSearch.For(Log, text), timeout, cancellationToken);
    }

    /// <summary>
    /// Waits until the console shows a match. The search begins where the last match ended, the first one at the first byte.
    /// </summary>
    /// <remarks>
    /// All that is there is searched at once; afterwards what comes, together with the last 64 KiB before it, so no match can reach further
    /// back. What <see cref="SerialLog"/> has dropped by then is not found. The match's index counts from a place in the log that the
    /// search chooses.
    /// </remarks>
    /// <param name="pattern">The pattern.</param>
    /// <param name="timeout">The limit. Default: 2 minutes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The match.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task<Match> WaitForAsync(Regex pattern, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return WaitAsync($"/{pattern}/ on {_title}", SerialSearch.For(Log, pattern), timeout, cancellationToken);
    }

    /// <summary>Types a line and Enter.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>A task for the writing.</returns>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task WriteLineAsync(string line, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(line);
        // What a terminal's Enter key sends; Linux maps it to a line feed (ICRNL), firmware expects it.
        return TypeAsync($"{line}\r", $"{_title} to take a line", cancellationToken);
    }

    /// <summary>Types a text as it is, without Enter: <c>"\x03"</c> is Ctrl-C.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>A task for the writing.</returns>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task WriteAsync(string text, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TypeAsync(text, $"{_title} to take a text", cancellationToken);
    }

    /// <summary>Types bytes as they are.</summary>
    internal ValueTask TypeAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        _pipe!.WriteAsync(bytes, cancellationToken);

    /// <summary>Starts reading from a new QEMU, which has opened the pipes; the log goes on.</summary>
    internal void Connect(SerialPipe pipe)
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

    private Task<bool> TypeAsync(string text, string waitedFor, CancellationToken cancellationToken) =>
        _machine.GuardAsync(
            waitedFor,
            _machine.Scaled(DefaultLimit),
            async token =>
            {
                await _pipe!.WriteAsync(Encoding.UTF8.GetBytes(text), token).ConfigureAwait(false);
                return true;
            },
            cancellationToken
        );

    private Task<T> WaitAsync<T>(string waitedFor, SerialSearch<T> search, TimeSpan? timeout, CancellationToken cancellationToken) =>
        _machine.GuardAsync(
            waitedFor,
            timeout ?? _machine.Scaled(DefaultLimit),
            async token =>
            {
                while (true)
                {
                    (Task grown, long from) = Look();
                    long began = _machine.Time.GetTimestamp();
                    if (search.Next(from) is { } found)
                    {
                        if (TryTake(found.Start, found.End))
                            return found.Value;
                        continue;
                    }

                    // A guest writes byte by byte; the costlier the search, the fewer searches.
                    TimeSpan pause = _machine.Time.GetElapsedTime(began) * 4;
                    await grown.WaitAsync(token).ConfigureAwait(false);
                    await _machine.Time.Delay(pause < LongestPause ? pause : LongestPause, token).ConfigureAwait(false);
                }
            },
            cancellationToken
        );

    private (Task Grown, long SearchFrom) Look()
    {
        lock (_gate)
            return (_grown.Task, _searchFrom);
    }

    // The search itself holds no lock, since a pattern may take long; a text that another wait has found by now is not found twice.
    private bool TryTake(long start, long end)
    {
        lock (_gate)
        {
            if (start < _searchFrom)
                return false;
            _searchFrom = end;
            return true;
        }
    }

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
