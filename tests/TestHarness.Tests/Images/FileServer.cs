using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TestHarness.Tests.Images;

/// <summary>A web server on 127.0.0.1 that answers as a test says, also badly: one request for each connection.</summary>
internal sealed class FileServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Func<Request, Answer> _answer;
    private readonly Task _serving;

    public FileServer(Func<Request, Answer> answer)
    {
        _answer = answer;
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <summary>What came so far.</summary>
    public ConcurrentQueue<Request> Requests { get; } = new();

    public string Address(string path = "/disk.raw") => $"http://{_listener.LocalEndpoint}{path}";

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    /// <summary>Answers as a good server does: the whole, or the rest of the version that is asked for.</summary>
    public static Answer Serve(byte[] content, Request request, string? tag = "\"one\"")
    {
        string[] headers = tag is null ? [] : [$"ETag: {tag}"];
        if (request.From is not { } from || (request.IfRange is not null && request.IfRange != tag))
            return new Answer { Body = content, Headers = headers };
        return from >= content.Length
            ? new Answer { Status = "416 Range Not Satisfiable", Headers = [.. headers, $"Content-Range: bytes */{content.Length}"] }
            : new Answer
            {
                Status = "206 Partial Content",
                Body = content[from..],
                Headers = [.. headers, $"Content-Range: bytes {from}-{content.Length - 1}/{content.Length}"],
            };
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            TcpClient client = await _listener.AcceptTcpClientAsync(_end.Token);
            _ = AnswerAsync(client);
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using TcpClient owned = client;
        NetworkStream stream = client.GetStream();
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one, _end.Token) > 0)
            head.Append((char)one[0]);
        string[] lines = head.ToString().Split("\r\n");
        string? Header(string name) =>
            lines.FirstOrDefault(line => line.StartsWith($"{name}: ", StringComparison.OrdinalIgnoreCase))?[(name.Length + 2)..];
        var request = new Request(
            lines[0].Split(' ')[1],
            Header("Range") is { } range ? int.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture) : null,
            Header("If-Range")
        );
        Requests.Enqueue(request);

        Answer answer = _answer(request);
        string headers = string.Concat(answer.Headers.Select(header => $"{header}\r\n"));
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"HTTP/1.1 {answer.Status}\r\nContent-Length: {answer.Body.Length}\r\n{headers}Connection: close\r\n\r\n"
            ),
            _end.Token
        );
        await stream.WriteAsync(answer.Body.AsMemory(0, Math.Min(answer.CutAfter ?? int.MaxValue, answer.Body.Length)), _end.Token);
        if (answer.ThenSilent)
            await Task.Delay(Timeout.Infinite, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>What was asked for.</summary>
    internal sealed record Request(string Path, int? From, string? IfRange);

    /// <summary>What is sent.</summary>
    internal sealed record Answer
    {
        public string Status { get; init; } = "200 OK";

        public string[] Headers { get; init; } = [];

        public byte[] Body { get; init; } = [];

        /// <summary>After how many bytes of the body the connection is closed.</summary>
        public int? CutAfter { get; init; }

        /// <summary>Whether the connection stays open after that, and nothing comes.</summary>
        public bool ThenSilent { get; init; }
    }
}
