using System.Text.Json;

namespace TestHarness.Qemu;

internal sealed partial class QmpClient
{
    private int _receivingThread;

    private async Task ReadAsync()
    {
        QmpBrokenException reason;
        try
        {
            var lines = new QmpLineReader(_stream);
            while (await lines.ReadAsync().ConfigureAwait(false) is { } line)
                Receive(line);
            reason = new QmpBrokenException("it closed the connection");
        }
        catch (QmpBrokenException e)
        {
            reason = e;
        }
        catch (Exception e)
        {
            // Whatever it was: nobody may be left waiting.
            reason = new QmpBrokenException(e.Message, e);
        }

        Break(_disposed ? new QmpBrokenException("the connection was closed on our side") : reason);
    }

    private void Receive(ReadOnlyMemory<byte> line)
    {
        JsonElement message = QmpMessage.Parse(line);
        try
        {
            if (!_greeting.Task.IsCompleted)
                Greet(message);
            else if (message.TryGetProperty("event", out JsonElement name) && name.GetString() is { } happened)
                Raise(new QmpEvent(happened, message.TryGetProperty("data", out JsonElement data) ? data : default));
            else
                Complete(message);
        }
        catch (InvalidOperationException e)
        {
            // A member of another type than the protocol's.
            throw new QmpBrokenException($"it sent what is no message of the protocol: {QmpMessage.Excerpt(line.Span)}", e);
        }
    }

    private void Greet(JsonElement message)
    {
        QmpMessage.CheckGreeting(message);
        _greeting.TrySetResult();
    }

    // On the reader, so that a receiver that is slow slows QEMU down and nothing piles up here.
    private void Raise(QmpEvent happened)
    {
        foreach (EventWait wait in _waits.Values.Where(wait => wait.Name == happened.Name))
        {
            try
            {
                if (wait.Matches(happened.Data))
                    wait.Happened.TrySetResult(happened.Data);
            }
            catch (Exception e)
            {
                wait.Happened.TrySetException(e);
            }
        }

        Volatile.Write(ref _receivingThread, Environment.CurrentManagedThreadId);
        try
        {
            _eventReceived(happened);
        }
        catch (Exception e)
        {
            // An event that nobody took (a shutdown, a panic) would be a wait without a reason later.
            throw new QmpBrokenException($"its event {happened.Name} could not be handled: {e.Message}", e);
        }
        finally
        {
            Volatile.Write(ref _receivingThread, 0);
        }
    }

    private void Complete(JsonElement message)
    {
        bool refused = message.TryGetProperty("error", out JsonElement error);
        if (!message.TryGetProperty("return", out JsonElement value) && !refused)
            throw new InvalidOperationException("Neither an event nor a reply.");
        string words = refused && error.TryGetProperty("desc", out JsonElement text) ? text.GetString() ?? "" : "";
        if (!message.TryGetProperty("id", out JsonElement id))
            throw new QmpBrokenException($"it did not understand a command: {words}");
        if (!id.TryGetInt64(out long number) || number < 1 || number > Interlocked.Read(ref _lastId))
            throw new QmpBrokenException(
                $"it answered a command that was never given (id {QmpMessage.Excerpt(System.Text.Encoding.UTF8.GetBytes(id.GetRawText()))})"
            );
        // Not there: whoever gave it has stopped waiting.
        if (!_pending.TryGetValue(number, out TaskCompletionSource<JsonElement>? reply))
            return;
        if (refused)
            reply.TrySetException(new QmpRefusedException(words));
        else
            reply.TrySetResult(value);
    }

    private void Break(QmpBrokenException reason)
    {
        Volatile.Write(ref _broken, reason);
        _stream.Dispose();
        Fail(_greeting.Task, _greeting.TrySetException(new QmpBrokenException(reason)));
        foreach (TaskCompletionSource<JsonElement> reply in _pending.Values)
            Fail(reply.Task, reply.TrySetException(new QmpBrokenException(reason)));
        foreach (EventWait wait in _waits.Values)
            Fail(wait.Happened.Task, wait.Happened.TrySetException(new QmpBrokenException(reason)));

        // Looked at here, for those who stopped waiting a moment ago.
        static void Fail(Task task, bool failed) => _ = failed ? task.Exception : null;
    }
}
