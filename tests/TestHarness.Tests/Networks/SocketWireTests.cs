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

    [Fact]
    public async Task Every_frame_arrives_whole_and_in_order_whatever_pieces_the_stream_comes_in()
    {
        Socket a = Plug("a"),
            b = Plug("b");
        byte[] stream = [.. Enumerable.Range(0, 3000).SelectMany(index => Frame("b", "a", 14 + (index * 7 % 1500)))];
        var random = new Random(1);
        Task sending = Task.Run(() =>
        {
            for (int at = 0; at < stream.Length; )
                at += a.Send(stream.AsSpan(at, Math.Min(stream.Length - at, random.Next(1, 5000))));
        });

        var got = new byte[stream.Length];
        for (int at = 0; at < got.Length; )
            at += await b.ReceiveAsync(got.AsMemory(at), TestContext.Current.CancellationToken);
        await sending;

        got.AsSpan().SequenceEqual(stream).Should().BeTrue();
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
