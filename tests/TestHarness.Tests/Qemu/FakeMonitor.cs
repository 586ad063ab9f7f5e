using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using TestHarness.Qemu;

namespace TestHarness.Tests.Qemu;

/// <summary>The other end of a monitor's connection, played by the test: it says whatever the test wants QEMU to say.</summary>
internal sealed class FakeMonitor : IAsyncDisposable
{
    public const string Greeting =
        """{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}""" + "\r\n";

    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly NetworkStream _stream;
    private readonly StreamReader _requests;

    private FakeMonitor(NetworkStream stream, QmpClient client)
    {
        _stream = stream;
        _requests = new StreamReader(stream);
        Client = client;
    }

    public QmpClient Client { get; }

    /// <summary>Makes a pair that is connected and says nothing yet.</summary>
    public static async Task<FakeMonitor> CreateAsync(Func<Stream, QmpClient>? client = null)
    {
        string folder = Directory.CreateTempSubdirectory("qmp-").FullName;
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var address = new UnixDomainSocketEndPoint(Path.Combine(folder, "s"));
        listener.Bind(address);
        listener.Listen(1);
        var qemu = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await qemu.ConnectAsync(address);
        var ours = new NetworkStream(await listener.AcceptAsync(), ownsSocket: true);
        Directory.Delete(folder, recursive: true);
        return new FakeMonitor(new NetworkStream(qemu, ownsSocket: true), client?.Invoke(ours) ?? new QmpClient(ours, _ => { }));
    }

    /// <summary>Makes a pair that is ready for commands.</summary>
    public static async Task<FakeMonitor> NegotiatedAsync(Func<Stream, QmpClient>? client = null)
    {
        FakeMonitor monitor = await CreateAsync(client);
        Task negotiated = monitor.Client.NegotiateAsync(CancellationToken.None);
        await monitor.SayAsync(Greeting);
        await monitor.AnswerAsync(await monitor.TakeAsync());
        await negotiated.WaitAsync(Soon);
        return monitor;
    }

    public Task SayAsync(string text) => SayAsync(Encoding.UTF8.GetBytes(text));

    public Task SayAsync(byte[] bytes) => _stream.WriteAsync(bytes).AsTask().WaitAsync(Soon);

    /// <summary>Takes the next command; returns its id.</summary>
    public async Task<long> TakeAsync()
    {
        string line = await _requests.ReadLineAsync().WaitAsync(Soon) ?? throw new EndOfStreamException();
        using JsonDocument request = JsonDocument.Parse(line);
        return request.RootElement.GetProperty("id").GetInt64();
    }

    /// <summary>Waits until the client has closed its end.</summary>
    public async Task SeeItCloseAsync()
    {
        try
        {
            while (await _requests.ReadLineAsync().WaitAsync(Soon) is not null) { }
        }
        catch (IOException)
        {
            // It closed with something of ours unread.
        }
    }

    public Task AnswerAsync(long id, string value = "{}") => SayAsync($"{{\"return\": {value}, \"id\": {id}}}\r\n");

    public void HangUp() => _stream.Dispose();

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await _stream.DisposeAsync();
    }
}
