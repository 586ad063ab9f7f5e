using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using TestHarness.Networks.Ethernet;

namespace TestHarness.Benchmarks;

/// <summary>What the switch takes by itself: frames in memory, and through two unix sockets as QEMU's.</summary>
internal static class SwitchBenchmark
{
    private const int Rounds = 5;
    private const int Batch = 32;

    public static IEnumerable<Metric> Run()
    {
        List<double> rates = [],
            allocations = [],
            costs = [];
        // The first one compiles.
        for (int round = -1; round < Rounds; round++)
        {
            (double rate, double allocated) = InMemory(2_000_000);
            double cost = ThroughSockets(500_000);
            if (round < 0)
                continue;
            rates.Add(rate);
            allocations.Add(allocated);
            costs.Add(cost);
        }

        return
        [
            new Metric("switch in memory, 64 bytes (500,000 at least)", "frames/s", rates),
            new Metric("switch in memory, allocated (0)", "bytes/frame", allocations),
            new Metric("switch through two sockets, 1,500 bytes, CPU of the process beside the two ends (3.4 at most)", "us/frame", costs),
        ];
    }

    private static (double Rate, double Allocated) InMemory(int frames)
    {
        using EthernetSwitch to = New();
        SwitchPort a = Add(to, "a"),
            b = Add(to, "b");
        a.Plug(new Nowhere());
        b.Plug(new Nowhere());
        byte[] batch = Frames(64);
        to.Carry(a, batch);
        long before = GC.GetAllocatedBytesForCurrentThread(),
            began = Stopwatch.GetTimestamp();
        for (int sent = 0; sent < frames; sent += Batch)
            to.Carry(a, batch);
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return (frames / seconds, (GC.GetAllocatedBytesForCurrentThread() - before) / (double)frames);
    }

    // The process's own time without that of the two threads that stand for QEMU.
    private static double ThroughSockets(int frames)
    {
        using EthernetSwitch to = New();
        (Socket mineA, SocketWire wireA) = Pair(to, "a");
        (Socket mineB, SocketWire wireB) = Pair(to, "b");
        using (mineA)
        using (mineB)
        using (wireA)
        using (wireB)
        {
            byte[] batch = Frames(1500);
            long expected = frames / Batch * (long)batch.Length;
            var reader = new CountedThread(() =>
            {
                byte[] buffer = new byte[256 * 1024];
                for (long got = 0; got < expected; )
                    got += mineB.Receive(buffer);
            });
            var writer = new CountedThread(() =>
            {
                for (int sent = 0; sent < frames / Batch; sent++)
                    mineA.Send(batch);
            });
            TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
            reader.Start();
            writer.Start();
            writer.Join();
            reader.Join();
            TimeSpan used = Process.GetCurrentProcess().TotalProcessorTime - before - reader.Used - writer.Used;
            return used.TotalMicroseconds / frames;
        }
    }

    private static EthernetSwitch New() =>
        new(TimeProvider.System, new FrameCapture(4 * 1024 * 1024, TimeProvider.System), new LinkFaults("lan", 1, TimeProvider.System));

    private static SwitchPort Add(EthernetSwitch to, string name) => to.Add(name, MacAddress.For(name));

    private static (Socket Mine, SocketWire Wire) Pair(EthernetSwitch to, string name)
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint($"\0bench-{Guid.NewGuid():N}"));
        listener.Listen();
        var mine = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        mine.Connect(listener.LocalEndPoint!);
        var wire = new SocketWire(listener.Accept());
        SwitchPort port = Add(to, name);
        port.Plug(wire);
        wire.Start(to, port);
        return (mine, wire);
    }

    private static byte[] Frames(int length)
    {
        byte[] frame = new byte[4 + length];
        BinaryPrimitives.WriteInt32BigEndian(frame, length);
        Write(frame.AsSpan(4), MacAddress.For("b"));
        Write(frame.AsSpan(10), MacAddress.For("a"));
        return [.. Enumerable.Repeat(frame, Batch).SelectMany(one => one)];
    }

    private static void Write(Span<byte> to, MacAddress address) =>
        Convert.FromHexString(address.ToString().Replace(":", "", StringComparison.Ordinal)).CopyTo(to);

    /// <summary>Takes all.</summary>
    private sealed class Nowhere : IFrameSink
    {
        public int TrySend(ReadOnlySpan<byte> bytes) => bytes.Length;

        public void WaitForRoom(TimeSpan limit) { }
    }
}
