using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness.Screens;

/// <summary>
/// Presses keys of a machine's PS/2 keyboard, at the pace at which the guest reads them: it has a queue of 16 bytes and drops what does not
/// fit (QEMU's hw/input/ps2.c), so the next keys go in when the guest has fetched the last ones.
/// </summary>
/// <param name="monitor">The machine's monitor; another one after a reboot.</param>
internal sealed class Keyboard(Func<QmpClient> monitor)
{
    private const int QueueBytes = 16;

    // The controller's status port, which can be read without an effect; bit 0 says that a byte waits for the guest.
    private const string ReadStatus = "i /b 0x64";
    private const int OutputFull = 1;

    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(20);

    // Keys of two texts would mix.
    private Task _typing = Task.CompletedTask;

    /// <summary>Presses strokes one after the other, and returns when the guest has read the last one.</summary>
    /// <param name="strokes">The strokes.</param>
    /// <param name="pause">What to wait after each, at least.</param>
    /// <param name="read">Told how many strokes the guest has read.</param>
    /// <param name="cancellationToken">Ends it between strokes: no key stays down.</param>
    public async Task PressAsync(IReadOnlyList<KeyStroke> strokes, TimeSpan pause, Action<int> read, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task before = Interlocked.Exchange(ref _typing, done.Task);
        try
        {
            await before.WaitAsync(cancellationToken).ConfigureAwait(false);
            await RequireRunningAsync(cancellationToken).ConfigureAwait(false);
            await WaitUntilReadAsync(cancellationToken).ConfigureAwait(false);
            for (int next = 0; next < strokes.Count; )
            {
                int end = pause > TimeSpan.Zero ? next + 1 : EndOfBatch(strokes, next);
                JsonNode[] events = [.. strokes.Take(next..end).SelectMany(Events)];
                await monitor()
                    .ExecuteAsync("input-send-event", new JsonObject { ["events"] = new JsonArray(events) }, cancellationToken)
                    .ConfigureAwait(false);
                await WaitUntilReadAsync(cancellationToken).ConfigureAwait(false);
                next = end;
                read(next);
                if (pause > TimeSpan.Zero)
                    await Clock.System.Delay(pause, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            // Whoever gives up waiting does not let the next one in.
            _ = before.ContinueWith(
                _ => done.SetResult(),
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default
            );
        }
    }

    // As many as the queue surely takes, and one in any case.
    private static int EndOfBatch(IReadOnlyList<KeyStroke> strokes, int next)
    {
        int bytes = strokes[next++].QueuedBytes;
        while (next < strokes.Count && (bytes += strokes[next].QueuedBytes) <= QueueBytes)
            next++;
        return next;
    }

    private static IEnumerable<JsonNode> Events(KeyStroke stroke) =>
        [.. stroke.Keys.Select(key => Event(key, down: true)), .. stroke.Keys.Reverse().Select(key => Event(key, down: false))];

    private static JsonObject Event(string key, bool down) =>
        new()
        {
            ["type"] = "key",
            ["data"] = new JsonObject
            {
                ["down"] = down,
                ["key"] = new JsonObject { ["type"] = "qcode", ["data"] = key },
            },
        };

    // QEMU drops the keys of a machine that is paused, and says nothing.
    private async Task RequireRunningAsync(CancellationToken cancellationToken)
    {
        JsonElement status = await monitor().ExecuteAsync("query-status", null, cancellationToken).ConfigureAwait(false);
        bool running = status.TryGetFlag("running") ?? throw new QmpAnswerException("query-status", status);
        if (!running)
            throw new QmpRefusedException($"the machine is paused ({status.TryGetText("status")}) and takes no keys");
    }

    private async Task WaitUntilReadAsync(CancellationToken cancellationToken)
    {
        for (TimeSpan pause = TimeSpan.Zero; await HasUnreadAsync(cancellationToken).ConfigureAwait(false); pause = Longer(pause))
        {
            if (pause == TimeSpan.Zero)
                await Task.Yield();
            else
                await Clock.System.Delay(pause, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<bool> HasUnreadAsync(CancellationToken cancellationToken)
    {
        // "portb[0x0064] = 0x1c"
        string answer = await monitor().ExecuteHumanAsync(ReadStatus, cancellationToken).ConfigureAwait(false);
        int at = answer.LastIndexOf("0x", StringComparison.Ordinal);
        if (at < 0 || !int.TryParse(answer.AsSpan(at + 2).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int status))
            throw new QmpRefusedException($"the keyboard controller's status can't be read: {answer.Trim()}");
        return (status & OutputFull) != 0;
    }

    private static TimeSpan Longer(TimeSpan pause) =>
        pause == TimeSpan.Zero ? TimeSpan.FromMilliseconds(1)
        : pause * 2 < LongestPause ? pause * 2
        : LongestPause;
}
