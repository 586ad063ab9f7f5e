using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using TestHarness.Text;

namespace TestHarness.Qemu;

/// <summary>
/// QEMU's machine protocol (https://www.qemu.org/docs/master/interop/qmp-spec.html): one JSON object a line; replies are matched by id,
/// events are handed to the receiver. No call waits without a limit. What is not the protocol ends the connection, and all calls with it,
/// with the one reason.
/// </summary>
internal sealed partial class QmpClient : IAsyncDisposable
{
    /// <summary>What a QEMU takes at most from its start to its greeting; usually a tenth of a second.</summary>
    public static readonly TimeSpan DefaultGreetingLimit = TimeSpan.FromSeconds(10);

    private readonly Stream _stream;
    private readonly Action<QmpEvent> _eventReceived;
    private readonly ConcurrentDictionary<long, TaskCompletionSource<JsonElement>> _pending = new();
    private readonly ConcurrentDictionary<EventWait, EventWait> _waits = new();
    private readonly TaskCompletionSource _greeting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly Task _reader;
    private QmpBrokenException? _broken;
    private long _lastId;
    private volatile bool _disposed;

    public QmpClient(Stream stream, Action<QmpEvent> eventReceived)
    {
        _stream = stream;
        _eventReceived = eventReceived;
        _reader = Task.Run(ReadAsync);
    }

    public TimeSpan GreetingLimit { get; init; } = DefaultGreetingLimit;

    public TimeSpan CommandLimit { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>For what moves a machine's memory or all that its disks have yet to write.</summary>
    public TimeSpan LongLimit { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Ends, without an error, once the connection has and every event that came was handed on.</summary>
    public Task Closed => _reader;

    /// <summary>Why the connection is of no use any more, or <see langword="null"/>.</summary>
    public QmpBrokenException? Broken => Volatile.Read(ref _broken);

    /// <summary>Waits for the greeting and leaves the negotiation mode.</summary>
    /// <exception cref="QmpException">There was no greeting, or another one than QEMU's.</exception>
    public async Task NegotiateAsync(CancellationToken cancellationToken)
    {
        await LimitAsync(
                async token =>
                {
                    await _greeting.Task.WaitAsync(token).ConfigureAwait(false);
                    return true;
                },
                GreetingLimit,
                "QEMU's monitor did not greet",
                cancellationToken
            )
            .ConfigureAwait(false);
        await ExecuteAsync("qmp_capabilities", null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Executes a command and returns its <c>return</c> value. Cancelling ends the wait, not the command.</summary>
    /// <exception cref="QmpRefusedException">QEMU answered with an error.</exception>
    /// <exception cref="QmpTimeoutException">QEMU did not answer.</exception>
    /// <exception cref="QmpBrokenException">The connection broke.</exception>
    public Task<JsonElement> ExecuteAsync(string command, JsonObject? arguments, CancellationToken cancellationToken) =>
        ExecuteAsync(command, arguments, CommandLimit, cancellationToken);

    /// <summary>
    /// Executes a command that QEMU answers when all is written or read: <c>stop</c> writes what the disks have yet to write. On a busy
    /// disk that is long.
    /// </summary>
    /// <inheritdoc cref="ExecuteAsync(string, JsonObject?, CancellationToken)"/>
    public Task<JsonElement> ExecuteLongAsync(string command, JsonObject? arguments, CancellationToken cancellationToken) =>
        ExecuteAsync(command, arguments, LongLimit, cancellationToken);

    /// <summary>Executes a command of the human monitor, for the few things that QMP lacks, and returns what it prints.</summary>
    /// <exception cref="QmpAnswerException">QEMU answered with no text.</exception>
    public async Task<string> ExecuteHumanAsync(string command, CancellationToken cancellationToken)
    {
        JsonElement reply = await ExecuteAsync("human-monitor-command", new JsonObject { ["command-line"] = command }, cancellationToken)
            .ConfigureAwait(false);
        return reply.ValueKind == JsonValueKind.String ? reply.GetString()! : throw new QmpAnswerException("human-monitor-command", reply);
    }

    /// <summary>Runs a command that starts a job (it takes a <c>job-id</c>), and waits for the job's end.</summary>
    /// <exception cref="QmpRefusedException">The job failed.</exception>
    /// <exception cref="QmpAnswerException">QEMU does not know its own job.</exception>
    public async Task RunJobAsync(string command, JsonObject arguments, CancellationToken cancellationToken)
    {
        string id = $"job{Interlocked.Increment(ref _lastId)}";
        using var refused = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task concluded = WaitForEventAsync(
            "JOB_STATUS_CHANGE",
            data => data.TryGetText("id") == id && data.TryGetText("status") == "concluded",
            refused.Token
        );
        arguments["job-id"] = id;
        try
        {
            await ExecuteLongAsync(command, arguments, cancellationToken).ConfigureAwait(false);
            await concluded.ConfigureAwait(false);
        }
        finally
        {
            await refused.CancelAsync().ConfigureAwait(false);
            await concluded.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        JsonElement jobs = await ExecuteAsync("query-jobs", null, cancellationToken).ConfigureAwait(false);
        await ExecuteAsync("job-dismiss", new JsonObject { ["id"] = id }, cancellationToken).ConfigureAwait(false);
        if (jobs.ValueKind != JsonValueKind.Array || !jobs.EnumerateArray().Any(job => job.TryGetText("id") == id))
            throw new QmpAnswerException("query-jobs", jobs);
        if (jobs.EnumerateArray().First(job => job.TryGetText("id") == id).TryGetMember("error", out JsonElement error))
            throw new QmpRefusedException(
                error.ValueKind == JsonValueKind.String
                    ? error.GetString()!
                    : QmpMessage.Excerpt(System.Text.Encoding.UTF8.GetBytes(error.GetRawText()))
            );
    }

    /// <summary>Waits for an event that comes from now on, and returns its data. Ask before giving the command that causes it.</summary>
    /// <exception cref="QmpTimeoutException">It did not come.</exception>
    /// <exception cref="QmpBrokenException">The connection broke.</exception>
    public Task<JsonElement> WaitForEventAsync(string name, Func<JsonElement, bool> matches, CancellationToken cancellationToken) =>
        LimitAsync(
            token => WaitForEventAsync(new EventWait(name, matches), token),
            LongLimit,
            $"QEMU did not tell {name}",
            cancellationToken
        );

    public async ValueTask DisposeAsync()
    {
        _disposed = true;
        await _stream.DisposeAsync().ConfigureAwait(false);
        // A receiver of events that disposes is on the reader, which can't wait for itself.
        if (Volatile.Read(ref _receivingThread) != Environment.CurrentManagedThreadId)
            await _reader.ConfigureAwait(false);
    }

    private static async Task<T> LimitAsync<T>(
        Func<CancellationToken, Task<T>> wait,
        TimeSpan limit,
        string unanswered,
        CancellationToken cancellationToken
    )
    {
        using Deadline ends = Clock.System.Limit(limit, cancellationToken);
        try
        {
            return await wait(ends.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ends.Token.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new QmpTimeoutException(unanswered, limit);
        }
    }

    private Task<JsonElement> ExecuteAsync(string command, JsonObject? arguments, TimeSpan limit, CancellationToken cancellationToken)
    {
        long id = Interlocked.Increment(ref _lastId);
        var request = new JsonObject { ["execute"] = command, ["id"] = id };
        if (arguments is not null)
            request["arguments"] = arguments;
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(request), (byte)'\n'];
        return LimitAsync(token => ExecuteAsync(id, line, token), limit, $"QEMU did not answer '{command}'", cancellationToken);
    }

    private async Task<JsonElement> ExecuteAsync(long id, byte[] line, CancellationToken cancellationToken)
    {
        var reply = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[id] = reply;
        try
        {
            ThrowIfBroken();
            await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
            // A line that is begun is written to its end, also where nobody waits for it any more: half a line would spoil the connection
            // for the next command.
            await WriteAsync(line).WaitAsync(cancellationToken).ConfigureAwait(false);
            return await reply.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _pending.TryRemove(id, out _);
        }
    }

    private async Task<JsonElement> WaitForEventAsync(EventWait wait, CancellationToken cancellationToken)
    {
        _waits[wait] = wait;
        try
        {
            ThrowIfBroken();
            return await wait.Happened.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _waits.TryRemove(wait, out _);
        }
    }

    private void ThrowIfBroken()
    {
        if (Broken is { } broken)
            throw new QmpBrokenException(broken);
    }

    private async Task WriteAsync(byte[] line)
    {
        try
        {
            await _stream.WriteAsync(line).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The reader finds the end as well, after the last events.
            throw Broken is { } broken ? new QmpBrokenException(broken) : new QmpBrokenException("it takes no more commands", e);
        }
        finally
        {
            _writing.Release();
        }
    }

    private sealed record EventWait(string Name, Func<JsonElement, bool> Matches)
    {
        public TaskCompletionSource<JsonElement> Happened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
