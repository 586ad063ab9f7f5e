using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using TestHarness.Agents;

namespace TestHarness.Benchmarks;

/// <summary>
/// The reference: QEMU by hand, with the command line of one of our machines and the same requests to the agent. Nothing is checked.
/// </summary>
public static class BareQemu
{
    private const string IgnoreShared =
        """{"execute":"migrate-set-capabilities","arguments":{"capabilities":[{"capability":"x-ignore-shared","state":true},{"capability":"events","state":true}]}}""";
    private const string Incoming = """{"execute":"migrate-incoming","arguments":{"uri":"unix:incoming.sock"}}""";

    /// <summary>Starts the machine and runs a command in it.</summary>
    /// <param name="reference">The machine.</param>
    /// <param name="started">Told QEMU's process id.</param>
    /// <returns>The milliseconds until <c>uname -r</c> has ended.</returns>
    public static async Task<double> RunAsync(Reference reference, Action<int>? started = null)
    {
        string folder = Directory.CreateTempSubdirectory("bare-").FullName;
        using Socket monitors = Unix(),
            agents = Unix(),
            incoming = Unix();
        long began = Stopwatch.GetTimestamp();
        monitors.Bind(new UnixDomainSocketEndPoint($"{folder}/qmp.sock"));
        agents.Bind(new UnixDomainSocketEndPoint($"{folder}/agent.sock"));
        monitors.Listen();
        agents.Listen();
        string script = $"mkfifo serial.in serial.out; cat serial.out > /dev/null & {reference.MakeDisk} && exec {reference.CommandLine}";
        using Process qemu = Process.Start(new ProcessStartInfo("sh", ["-c", script]) { WorkingDirectory = folder })!;
        using Socket monitor = await monitors.AcceptAsync(),
            agent = await agents.AcceptAsync();
        started?.Invoke(qemu.Id);
        await monitor.SendAsync("{\"execute\":\"qmp_capabilities\"}\n"u8.ToArray());
        if (reference.State is { } state)
        {
            await monitor.SendAsync(Encoding.ASCII.GetBytes($"{IgnoreShared}\n{Incoming}\n"));
            while (!File.Exists($"{folder}/incoming.sock"))
                await Task.Yield();
            await incoming.ConnectAsync(new UnixDomainSocketEndPoint($"{folder}/incoming.sock"));
            await incoming.SendAsync(await File.ReadAllBytesAsync(state));
            using var lines = new StreamReader(new NetworkStream(monitor));
            while (!(await lines.ReadLineAsync())!.Contains("\"completed\"", StringComparison.Ordinal)) { }
        }

        await monitor.SendAsync("{\"execute\":\"cont\"}\n"u8.ToArray());
        using var stream = new NetworkStream(agent);
        await SendAsync(stream, 0, 1, new byte[16]);
        if (reference.Ready is { } ready)
            await RunCommandAsync(stream, 1, ["/bin/sh", "-c", ready]);
        await SendAsync(stream, 0, 17, AgentRequests.Settle(0, new AgentSettlement { Clock = DateTimeOffset.UtcNow, Seed = new byte[64] }));
        await RunCommandAsync(stream, 2, ["uname", "-r"]);
        double took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        qemu.Kill();
        await qemu.WaitForExitAsync();
        Directory.Delete(folder, recursive: true);
        return took;
    }

    private static Socket Unix() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    private static ValueTask SendAsync(Stream stream, byte id, byte type, byte[] payload) =>
        stream.WriteAsync((byte[])[.. BitConverter.GetBytes(payload.Length), id, 0, 0, 0, type, 0, (byte)'T', (byte)'H', .. payload]);

    private static async Task RunCommandAsync(Stream stream, byte id, string[] words)
    {
        await SendAsync(
            stream,
            id,
            4,
            [.. words.SelectMany(word => (byte[])[(byte)'A', .. BitConverter.GetBytes(word.Length), .. Encoding.UTF8.GetBytes(word)])]
        );
        for (var header = new byte[12]; header[8] != 12 || header[4] != id; )
        {
            await stream.ReadExactlyAsync(header);
            byte[] payload = new byte[BinaryPrimitives.ReadInt32LittleEndian(header)];
            await stream.ReadExactlyAsync(payload);
            // Nothing follows it.
            if (header[8] == 13)
                throw new InvalidOperationException($"The agent refused a request: {Encoding.UTF8.GetString(payload)}");
        }
    }
}
