using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using TestHarness.Agents;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>Speaks with <c>qemu-ga</c> in a guest. See https://www.qemu.org/docs/master/interop/qemu-ga-ref.html.</summary>
internal sealed class QemuGuestAgent(Stream port)
{
    // All that a guest's agent has to say to what it is asked here is short; more is none, and the port is read no further.
    private const int MaxLineBytes = 256 * 1024;
    private const int MaxUnaskedBytes = 1024 * 1024;
    private const int MaxWaiting = 16;

    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    // A parser that is in the middle of something starts afresh at this byte, which no JSON has; it may say that it did not like it.
    private const byte Reset = 0xff;

    private readonly Channel<JsonElement> _answers = Channel.CreateBounded<JsonElement>(MaxWaiting);
    private Task? _reader;
    private int _unasked;

    /// <summary>Waits until it answers, for as long as the guest takes to boot.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        _reader ??= Task.Run(ReadAllAsync, CancellationToken.None);
        while (true)
        {
            int id = Random.Shared.Next(1, int.MaxValue);
            await port.WriteAsync((byte[])[Reset], cancellationToken).ConfigureAwait(false);
            await SendAsync("guest-sync-delimited", new JsonObject { ["id"] = id }, cancellationToken).ConfigureAwait(false);
            using Deadline wait = Clock.System.Limit(AskAgain, cancellationToken);
            try
            {
                JsonElement answer;
                do answer = await ReadAsync(wait.Token).ConfigureAwait(false);
                while (
                    !(
                        answer.TryGetProperty("return", out JsonElement value)
                        && value.ValueKind == JsonValueKind.Number
                        && value.TryGetInt32(out int got)
                        && got == id
                    )
                );
                Volatile.Write(ref _unasked, 0);
                return;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Nobody there yet; what was sent waits in the port, or is lost.
            }
        }
    }

    /// <summary>Runs a command with <c>/bin/sh</c> and waits for its end.</summary>
    /// <returns>Its exit code, and what it wrote to standard error.</returns>
    /// <exception cref="AgentException">It may not run commands.</exception>
    public async Task<(int ExitCode, string Error)> RunAsync(string script, CancellationToken cancellationToken)
    {
        JsonElement started = await AskAsync(
                "guest-exec",
                new JsonObject
                {
                    ["path"] = "/bin/sh",
                    ["arg"] = new JsonArray("-c", script),
                    ["capture-output"] = true,
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        int process = started.TryGetNumber("pid") ?? throw NoAnswer("guest-exec", started);
        while (true)
        {
            JsonElement status = await AskAsync("guest-exec-status", new JsonObject { ["pid"] = process }, cancellationToken)
                .ConfigureAwait(false);
            bool exited = status.TryGetFlag("exited") ?? throw NoAnswer("guest-exec-status", status);
            if (exited)
            {
                string error =
                    status.TryGetMember("err-data", out JsonElement data)
                    && data.ValueKind == JsonValueKind.String
                    && data.TryGetBytesFromBase64(out byte[]? bytes)
                        ? Encoding.UTF8.GetString(bytes)
                        : "";
                return (
                    status.TryGetNumber("exitcode") ?? 128 + (status.TryGetNumber("signal") ?? throw NoAnswer("guest-exec-status", status)),
                    error
                );
            }

            await Clock.System.Delay(LookAgain, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<JsonElement> AskAsync(string command, JsonObject arguments, CancellationToken cancellationToken)
    {
        await SendAsync(command, arguments, cancellationToken).ConfigureAwait(false);
        JsonElement answer = await ReadAsync(cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref _unasked, 0);
        if (answer.TryGetProperty("return", out JsonElement value))
            return value;
        string reason = answer.TryGetMember("error", out JsonElement error) ? error.TryGetText("desc") ?? Excerpt(error) : Excerpt(answer);
        throw new AgentException(0, string.Create(CultureInfo.InvariantCulture, $"the QEMU guest agent refuses {command}: {reason}"));
    }

    private static AgentException NoAnswer(string command, JsonElement answer) =>
        new(0, $"the QEMU guest agent answers {command} with {Excerpt(answer)}");

    private static string Excerpt(JsonElement answer) => QmpMessage.Excerpt(Encoding.UTF8.GetBytes(answer.GetRawText()));

    private async ValueTask<JsonElement> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _answers.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException e)
        {
            throw new AgentLostException(e.InnerException?.Message ?? "the QEMU guest agent's port has closed", e);
        }
    }

    private async Task SendAsync(string command, JsonObject arguments, CancellationToken cancellationToken)
    {
        string line = new JsonObject { ["execute"] = command, ["arguments"] = arguments }.ToJsonString();
        await port.WriteAsync(Encoding.UTF8.GetBytes($"{line}\n"), cancellationToken).ConfigureAwait(false);
    }

    private async Task ReadAllAsync()
    {
        var lines = new QmpLineReader(port, MaxLineBytes);
        try
        {
            while (await lines.ReadAsync().ConfigureAwait(false) is { } line)
            {
                if (Interlocked.Add(ref _unasked, line.Length + 1) > MaxUnaskedBytes)
                    throw new QmpBrokenException($"it sent more than {MaxUnaskedBytes} bytes that nobody had asked for");
                ReadOnlyMemory<byte> json = line[(line.Span.LastIndexOf(Reset) + 1)..];
                if (json.Length > 0 && Parse(json) is { } answer)
                    await _answers.Writer.WriteAsync(answer).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or QmpException or ObjectDisposedException)
        {
            _answers.Writer.TryComplete(
                new AgentLostException(
                    e is QmpBrokenException broken
                        ? $"the QEMU guest agent is not listened to any more: {broken.Reason}"
                        : "the QEMU guest agent's port has closed",
                    e
                )
            );
        }

        _answers.Writer.TryComplete(new AgentLostException("the QEMU guest agent's port has closed"));
    }

    private static JsonElement? Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Span[0] != (byte)'{')
            return null;
        try
        {
            return JsonElement.Parse(json.Span) is { ValueKind: JsonValueKind.Object } answer ? answer : null;
        }
        catch (JsonException)
        {
            // Left over from before the last reset.
            return null;
        }
    }
}
