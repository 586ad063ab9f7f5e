using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using TestHarness.Qemu;

namespace TestHarness.Guest;

/// <summary>Speaks with <c>qemu-ga</c> in a guest. See https://www.qemu.org/docs/master/interop/qemu-ga-ref.html.</summary>
internal sealed class QemuGuestAgent(Stream port)
{
    /// <summary>The name of its virtio-serial port.</summary>
    public const string PortName = "org.qemu.guest_agent.0";

    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    // A parser that is in the middle of something starts afresh at this byte, which no JSON has; it may say that it did not like it.
    private const byte Reset = 0xff;

    private readonly Channel<JsonElement> _answers = Channel.CreateUnbounded<JsonElement>();
    private Task? _reader;

    /// <summary>Waits until it answers, for as long as the guest takes to boot.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        _reader ??= Task.Run(ReadAllAsync, CancellationToken.None);
        while (true)
        {
            int id = Random.Shared.Next(1, int.MaxValue);
            await port.WriteAsync((byte[])[Reset], cancellationToken).ConfigureAwait(false);
            await SendAsync("guest-sync-delimited", new JsonObject { ["id"] = id }, cancellationToken).ConfigureAwait(false);
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            wait.CancelAfter(AskAgain);
            try
            {
                JsonElement answer;
                do
                    answer = await _answers.Reader.ReadAsync(wait.Token).ConfigureAwait(false);
                while (!(answer.TryGetProperty("return", out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int got) && got == id));
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
            "guest-exec", new JsonObject { ["path"] = "/bin/sh", ["arg"] = new JsonArray("-c", script), ["capture-output"] = true }, cancellationToken).ConfigureAwait(false);
        int process = started.GetProperty("pid").GetInt32();
        while (true)
        {
            JsonElement status = await AskAsync("guest-exec-status", new JsonObject { ["pid"] = process }, cancellationToken).ConfigureAwait(false);
            if (status.GetProperty("exited").GetBoolean())
            {
                string error = status.TryGetProperty("err-data", out JsonElement data) ? Encoding.UTF8.GetString(data.GetBytesFromBase64()) : "";
                int code = status.TryGetProperty("exitcode", out JsonElement exit) ? exit.GetInt32() : 128 + status.GetProperty("signal").GetInt32();
                return (code, error);
            }

            await Task.Delay(LookAgain, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<JsonElement> AskAsync(string command, JsonObject arguments, CancellationToken cancellationToken)
    {
        await SendAsync(command, arguments, cancellationToken).ConfigureAwait(false);
        JsonElement answer = await _answers.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (answer.TryGetProperty("return", out JsonElement value))
            return value;
        string reason = answer.TryGetProperty("error", out JsonElement error) && error.TryGetProperty("desc", out JsonElement text) ? text.GetString() ?? "" : answer.GetRawText();
        throw new AgentException(0, string.Create(CultureInfo.InvariantCulture, $"the QEMU guest agent refuses {command}: {reason}"));
    }

    private async Task SendAsync(string command, JsonObject arguments, CancellationToken cancellationToken)
    {
        string line = new JsonObject { ["execute"] = command, ["arguments"] = arguments }.ToJsonString();
        await port.WriteAsync(Encoding.UTF8.GetBytes($"{line}\n"), cancellationToken).ConfigureAwait(false);
    }

    private async Task ReadAllAsync()
    {
        var lines = new QmpLineReader(port);
        try
        {
            while (await lines.ReadAsync().ConfigureAwait(false) is { } line)
            {
                ReadOnlyMemory<byte> json = line[(line.Span.LastIndexOf(Reset) + 1)..];
                if (json.Length > 0 && Parse(json) is { } answer)
                    _answers.Writer.TryWrite(answer);
            }
        }
        catch (Exception e) when (e is IOException or QmpException or ObjectDisposedException)
        {
            _answers.Writer.TryComplete(new AgentLostException("the QEMU guest agent's port has closed", e));
        }

        _answers.Writer.TryComplete(new AgentLostException("the QEMU guest agent's port has closed"));
    }

    private static JsonElement? Parse(ReadOnlyMemory<byte> json)
    {
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
