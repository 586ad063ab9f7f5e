using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TestHarness.Qemu;

/// <summary>
/// QEMU's machine protocol (https://www.qemu.org/docs/master/interop/qmp-spec.html): one JSON object a line; replies are matched by id,
/// events are handed to <see cref="EventReceived"/>.
/// </summary>
internal sealed class QmpClient : IAsyncDisposable
{
    // QEMU's longest replies (query-qmp-schema) are some 200 KB.
    private const int MaxLineBytes = 16 * 1024 * 1024;

    private static readonly TimeSpan CommandLimit = TimeSpan.FromSeconds(20);

    private readonly Stream _stream;
    private readonly ConcurrentDictionary<long, TaskCompletionSource<JsonElement>> _pending = new();
    private readonly ConcurrentDictionary<EventWait, EventWait> _waits = new();
    private readonly TaskCompletionSource _greeting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly Task _reader;
    private Exception? _broken;
    private long _lastId;

    public QmpClient(Stream stream, Action<QmpEvent> eventReceived)
    {
        _stream = stream;
        EventReceived = eventReceived;
        _reader = Task.Run(ReadAsync);
    }

    /// <summary>Ends, without an error, once the connection has and every event that came was handed on.</summary>
    public Task Closed => _reader;

    private Action<QmpEvent> EventReceived { get; }

    /// <summary>Waits for the greeting and leaves the negotiation mode.</summary>
    public async Task NegotiateAsync(CancellationToken cancellationToken)
    {
        await _greeting.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        await ExecuteAsync("qmp_capabilities", null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Executes a command and returns its <c>return</c> value.</summary>
    /// <exception cref="QmpException">QEMU refused it, did not answer in 20 s, or the connection broke.</exception>
    public async Task<JsonElement> ExecuteAsync(string command, JsonObject? arguments, CancellationToken cancellationToken)
    {
        long id = Interlocked.Increment(ref _lastId);
        var reply = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[id] = reply;
        try
        {
            if (Volatile.Read(ref _broken) is { } broken)
                throw new QmpException($"QEMU's monitor is gone: {broken.Message}", broken);
            var request = new JsonObject { ["execute"] = command, ["id"] = id };
            if (arguments is not null)
                request["arguments"] = arguments;
            await WriteLineAsync(request, cancellationToken).ConfigureAwait(false);
            return await reply.Task.WaitAsync(CommandLimit, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new QmpException($"QEMU did not answer '{command}' within {CommandLimit.TotalSeconds} s.", e);
        }
        catch (IOException e)
        {
            throw new QmpException($"QEMU's monitor is gone: {e.Message}", e);
        }
        finally
        {
            _pending.TryRemove(id, out _);
        }
    }

    /// <summary>Executes a command of the human monitor, for the few things that QMP lacks, and returns what it prints.</summary>
    public async Task<string> ExecuteHumanAsync(string command, CancellationToken cancellationToken)
    {
        JsonElement reply = await ExecuteAsync(
            "human-monitor-command", new JsonObject { ["command-line"] = command }, cancellationToken).ConfigureAwait(false);
        return reply.GetString() ?? "";
    }

    /// <summary>Runs a command that starts a job (it takes a <c>job-id</c>), and waits for the job's end.</summary>
    /// <exception cref="QmpException">The job failed.</exception>
    public async Task RunJobAsync(string command, JsonObject arguments, CancellationToken cancellationToken)
    {
        string id = $"job{Interlocked.Increment(ref _lastId)}";
        Task concluded = WaitForEventAsync(
            "JOB_STATUS_CHANGE",
            data => data.GetProperty("id").GetString() == id && data.GetProperty("status").GetString() == "concluded",
            cancellationToken);
        arguments["job-id"] = id;
        await ExecuteAsync(command, arguments, cancellationToken).ConfigureAwait(false);
        await concluded.ConfigureAwait(false);
        JsonElement jobs = await ExecuteAsync("query-jobs", null, cancellationToken).ConfigureAwait(false);
        await ExecuteAsync("job-dismiss", new JsonObject { ["id"] = id }, cancellationToken).ConfigureAwait(false);
        JsonElement job = jobs.EnumerateArray().First(candidate => candidate.GetProperty("id").GetString() == id);
        if (job.TryGetProperty("error", out JsonElement error))
            throw new QmpException(error.GetString() ?? "");
    }

    /// <summary>Waits for an event that comes from now on, and returns its data. Ask before giving the command that causes it.</summary>
    /// <exception cref="QmpException">The connection broke.</exception>
    public async Task<JsonElement> WaitForEventAsync(string name, Func<JsonElement, bool> matches, CancellationToken cancellationToken)
    {
        var wait = new EventWait(name, matches);
        _waits[wait] = wait;
        try
        {
            if (Volatile.Read(ref _broken) is { } broken)
                throw new QmpException($"QEMU's monitor is gone: {broken.Message}", broken);
            return await wait.Happened.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _waits.TryRemove(wait, out _);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync().ConfigureAwait(false);
        await _reader.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _writing.Dispose();
    }

    private async Task WriteLineAsync(JsonObject request, CancellationToken cancellationToken)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(request), (byte)'\n'];
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // Not cancellable: half a line would spoil the connection for the next command.
            await _stream.WriteAsync(line, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            PipeReader reader = PipeReader.Create(_stream);
            while (true)
            {
                ReadResult read = await reader.ReadAsync().ConfigureAwait(false);
                ReadOnlySequence<byte> buffer = read.Buffer;
                while (buffer.PositionOf((byte)'\n') is { } end)
                {
                    Receive(buffer.Slice(0, end));
                    buffer = buffer.Slice(buffer.GetPosition(1, end));
                }

                if (buffer.Length > MaxLineBytes)
                    throw new QmpException($"a line of more than {MaxLineBytes} bytes came from QEMU's monitor");
                reader.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted)
                    throw new EndOfStreamException("QEMU closed it");
            }
        }
        catch (Exception e)
        {
            Break(e);
        }
    }

    private void Receive(ReadOnlySequence<byte> line)
    {
        JsonElement message;
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            message = document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new QmpException("what came from QEMU's monitor is not JSON", e);
        }

        if (message.ValueKind != JsonValueKind.Object)
            throw new QmpException("what came from QEMU's monitor is not a JSON object");
        if (message.TryGetProperty("QMP", out _))
            _greeting.TrySetResult();
        else if (message.TryGetProperty("event", out JsonElement name))
            Raise(new QmpEvent(name.GetString() ?? "", message.TryGetProperty("data", out JsonElement data) ? data : default));
        else
            Complete(message);
    }

    private void Raise(QmpEvent happened)
    {
        foreach (EventWait wait in _waits.Values)
        {
            if (wait.Name == happened.Name && wait.Matches(happened.Data))
                wait.Happened.TrySetResult(happened.Data);
        }

        EventReceived(happened);
    }

    private void Complete(JsonElement message)
    {
        if (!message.TryGetProperty("id", out JsonElement id) || !id.TryGetInt64(out long number)
            || !_pending.TryGetValue(number, out TaskCompletionSource<JsonElement>? reply))
            return;
        if (message.TryGetProperty("error", out JsonElement error))
            reply.TrySetException(new QmpException(error.TryGetProperty("desc", out JsonElement text) ? text.GetString() ?? "" : error.ToString()));
        else
            reply.TrySetResult(message.TryGetProperty("return", out JsonElement value) ? value : default);
    }

    private void Break(Exception reason)
    {
        Volatile.Write(ref _broken, reason);
        var gone = new QmpException($"QEMU's monitor is gone: {reason.Message}", reason);
        _greeting.TrySetException(gone);
        _ = _greeting.Task.Exception;
        foreach (TaskCompletionSource<JsonElement> reply in _pending.Values)
            reply.TrySetException(gone);
        foreach (EventWait wait in _waits.Values)
            wait.Happened.TrySetException(gone);
    }

    private sealed record EventWait(string Name, Func<JsonElement, bool> Matches)
    {
        public TaskCompletionSource<JsonElement> Happened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
