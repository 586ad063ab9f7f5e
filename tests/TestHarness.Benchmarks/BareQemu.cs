using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace TestHarness.Benchmarks;

/// <summary>The reference: QEMU driven by hand, with the arguments of one of our machines and the same requests to the agent. Nothing is checked.</summary>
internal static class BareQemu
{
    /// <summary>Starts QEMU and returns the milliseconds until the output of <c>uname -r</c> is there. State: what to restore, or none to boot.</summary>
    public static async Task<double> RunAsync(string commandLine, string makeDisk, string? state, string? ready)
    {
        string folder = Directory.CreateTempSubdirectory("bare-").FullName;
        long began = Stopwatch.GetTimestamp();
        Socket monitorListener = Listen($"{folder}/qmp.sock"), agentListener = Listen($"{folder}/agent.sock");
        using Process qemu = Process.Start(new ProcessStartInfo("sh", ["-c", $"mkfifo serial.in serial.out; cat serial.out > /dev/null & {makeDisk} && exec {commandLine}"]) { WorkingDirectory = folder })!;
        using Socket monitor = await monitorListener.AcceptAsync(), agent = await agentListener.AcceptAsync();
        await monitor.SendAsync("{\"execute\":\"qmp_capabilities\"}\n"u8.ToArray());
        if (state is not null)
        {
            await monitor.SendAsync("{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"x-ignore-shared\",\"state\":true}]}}\n"u8.ToArray());
            await monitor.SendAsync("{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"unix:incoming.sock\"}}\n"u8.ToArray());
            while (!File.Exists($"{folder}/incoming.sock"))
                await Task.Yield();
            using var incoming = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await incoming.ConnectAsync(new UnixDomainSocketEndPoint($"{folder}/incoming.sock"));
            await incoming.SendAsync(await File.ReadAllBytesAsync(state));
        }

        await monitor.SendAsync("{\"execute\":\"cont\"}\n"u8.ToArray());
        var stream = new NetworkStream(agent);
        await SendAsync(stream, 0, 1, new byte[16]);
        if (ready is not null)
            await RunCommandAsync(stream, 1, ["/bin/sh", "-c", ready]);
        byte[] settle = new byte[4 + 4 + 8 + 2 + 64];
        settle[4] = 3;
        BinaryPrimitives.WriteInt64LittleEndian(settle.AsSpan(8), (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100);
        settle[16] = 64;
        await SendAsync(stream, 0, 17, settle);
        await RunCommandAsync(stream, 2, ["uname", "-r"]);
        double took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        qemu.Kill();
        await qemu.WaitForExitAsync();
        Directory.Delete(folder, recursive: true);
        return took;
    }

    private static Socket Listen(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen();
        return socket;
    }

    private static async Task SendAsync(Stream stream, byte id, byte type, byte[] payload) =>
        await stream.WriteAsync((byte[])[(byte)payload.Length, (byte)(payload.Length >> 8), 0, 0, id, 0, 0, 0, type, 0, (byte)'T', (byte)'H', .. payload]);

    private static async Task RunCommandAsync(Stream stream, byte id, string[] words)
    {
        await SendAsync(stream, id, 4, [.. words.SelectMany(word => (byte[])[(byte)'A', .. BitConverter.GetBytes(word.Length), .. Encoding.UTF8.GetBytes(word)])]);
        var header = new byte[12];
        do
        {
            await stream.ReadExactlyAsync(header);
            await stream.ReadExactlyAsync(new byte[BinaryPrimitives.ReadInt32LittleEndian(header)]);
        }
        while (header[8] != 12 || header[4] != id);
    }
}
