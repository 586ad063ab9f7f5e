using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace TestHarness.FakeQemu;

/// <summary>A monitor with no machine behind it.</summary>
internal static class FakeMonitor
{
    private const string Greeting =
        """{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": "fake"}, "capabilities": []}}""" + "\r\n";

    // 100 MiB.
    private const int HugeBlock = 64 * 1024;
    private const int HugeBlocks = 1600;

    /// <summary>Says something else than QEMU's greeting, and lives on.</summary>
    public static async Task GreetWithAsync(string word)
    {
        await using var monitor = new NetworkStream(Channels.Connect("qmp.sock"), ownsSocket: true);
        using Socket agent = Channels.Connect("agent.sock");
        byte[] greeting = word switch
        {
            "cut-json" => Encoding.UTF8.GetBytes(Greeting[..40] + "\r\n"),
            "huge-line" => [.. Enumerable.Repeat((byte)'x', HugeBlock)],
            "old-version" => Encoding.UTF8.GetBytes(Greeting.Replace("\"major\": 7", "\"major\": 2", StringComparison.Ordinal)),
            "not-utf8" => [0xff, 0x00, 0xfe, (byte)'\n'],
            _ => "SSH-2.0-OpenSSH_9.2p1\r\n"u8.ToArray(),
        };
        try
        {
            // Again and again, for as much at once would keep a busy host from sending any of it.
            for (int block = word == "huge-line" ? HugeBlocks : 1; block > 0; block--)
                await monitor.WriteAsync(greeting);
        }
        catch (IOException)
        {
            // The library has had enough.
        }

        await Task.Delay(Timeout.Infinite);
    }

    /// <summary>Greets and answers all commands with nothing; prints a boot on the serial console.</summary>
    /// <param name="dropAt">The command at which the connection is closed, while the process lives on.</param>
    public static async Task ServeAsync(string? dropAt)
    {
        await using var monitor = new NetworkStream(Channels.Connect("qmp.sock"), ownsSocket: true);
        await using FileStream serial = new("serial.out", FileMode.Open, FileAccess.Write);
        using Socket agent = Channels.Connect("agent.sock");
        await monitor.WriteAsync(Encoding.UTF8.GetBytes(Greeting));
        await serial.WriteAsync("[    0.000000] Linux version fake\r\n"u8.ToArray());
        await serial.FlushAsync();
        using var reader = new StreamReader(monitor);
        while (await reader.ReadLineAsync() is { } line)
        {
            using var request = JsonDocument.Parse(line);
            if (request.RootElement.GetProperty("execute").GetString() == dropAt)
                monitor.Socket.Dispose();
            else
                await monitor.WriteAsync(
                    Encoding.UTF8.GetBytes($"{{\"return\": {{}}, \"id\": {request.RootElement.GetProperty("id").GetInt64()}}}\r\n")
                );
            if (!monitor.Socket.Connected)
                await Task.Delay(Timeout.Infinite);
        }
    }
}
