using System.Net.Sockets;
using FluentAssertions;
using TestHarness.Networks.Ethernet;
using Xunit;

namespace TestHarness.Tests.Networks;

public sealed class SocketWireTests : IDisposable
{
    private readonly EthernetSwitch _switch = Switches.New();
    private readonly List<IDisposable> _mine = [];

    public void Dispose()
    {
        foreach (IDisposable one in Enumerable.Reverse(_mine))
            one.Dispose();
        foreach (SwitchPort port in _switch.Ports.ToArray())
            _switch.Remove(port);
    }

    // On a busy host the reader may be away for so long that frames are dropped, which is counted.
    [Fact]
    public async Task Every_frame_arrives_whole_and_in_order_whatever_pieces_the_stream_comes_in()
    {
        const int Frames = 3000;
        Socket a = Plug("a"),
            b = Plug("b");
        PortCounters counters = _switch.Ports[1].Counters;
        byte[] stream = [.. Enumerable.Range(0, Frames).SelectMany(Numbered)];
        var random = new Random(1);
        Task sending = Task.Factory.StartNew(
            () =>
            {
                for (int at = 0; at < stream.Length; )
                    at += a.Send(stream.AsSpan(at, Math.Min(stream.Length - at, random.Next(1, 5000))));
            },
            TaskCreationOptions.LongRunning
        );

        var got = new byte[stream.Length];
        int filled = 0,
            begin = 0,
            last = -1,
            count = 0;
        while (count + counters.Dropped(DropCause.QueueFull) < Frames)
        {
            if (!b.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectRead))
                continue;
            filled += b.Receive(got.AsSpan(filled));
            while (filled - begin >= 20 && Numbered(BitConverter.ToInt32(got, begin + 16)) is var whole && filled - begin >= whole.Length)
            {
                int number = BitConverter.ToInt32(got, begin + 16);
                number.Should().BeGreaterThan(last);
                got.AsSpan(begin, whole.Length).SequenceEqual(whole).Should().BeTrue();
                (last, begin, count) = (number, begin + whole.Length, count + 1);
            }
        }

        await sending;
        count.Should().BePositive();
        begin.Should().Be(filled);
    }

    [Fact]
    public async Task A_machine_that_is_gone_or_sends_no_frames_is_told_and_harms_nobody()
    {
        Socket a = Plug("a", out SocketWire gone),
            b = Plug("b", out SocketWire wrong);
        Socket c = Plug("c");
        a.Dispose();
        (await gone.Ended).Should().Contain("closed");
        c.Send(Frame("a", "c", 60));
        b.Send([0xff, 0xff, 0xff, 0xff]);
        (await wrong.Ended).Should().Contain("'b'");

        Socket d = Plug("d");
        d.Send(Frame("c", "d", 60));
        (await c.ReceiveAsync(new byte[100], TestContext.Current.CancellationToken)).Should().Be(64);
    }

    // Its number is in it, behind the addresses.
    private static byte[] Numbered(int number)
    {
        byte[] frame = Frame("b", "a", 18 + (number * 7 % 1500));
        BitConverter.TryWriteBytes(frame.AsSpan(16), number);
        return frame;
    }

    private static byte[] Frame(string target, string source, int length)
    {
        var bytes = new byte[4 + length];
        bytes[2] = (byte)(length >> 8);
        bytes[3] = (byte)length;
        ulong both = 0;
        foreach ((string name, int at) in ((string, int)[])[(target, 4), (source, 10)])
        {
            both = MacAddress.For(name).Value;
            for (int index = 0; index < 6; index++)
                bytes[at + index] = (byte)(both >> (8 * (5 - index)));
        }

        return bytes;
    }

    private Socket Plug(string name) => Plug(name, out _);

    private Socket Plug(string name, out SocketWire wire)
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint($"\0wire-{Guid.NewGuid():N}"));
        listener.Listen();
        var mine = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        mine.Connect(listener.LocalEndPoint!);
        wire = new SocketWire(listener.Accept());
        SwitchPort port = _switch.Add(name, MacAddress.For(name));
        port.Plug(wire);
        wire.Start(_switch, port);
        _mine.AddRange([wire, mine]);
        return mine;
    }
}
