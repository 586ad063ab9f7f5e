using System.Buffers.Binary;
using FluentAssertions;
using TestHarness.Networks.Ethernet;
using Xunit;

namespace TestHarness.Tests.Networks;

public sealed class FrameInboxTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Takes_each_frame_whole_however_it_comes()
    {
        int[] lengths = [0, 1, 60, EthernetFrame.Largest, 1500, 14];
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        List<int> got = [];
        using var inbox = new FrameInbox("test", frame =>
        {
            got.Add(frame.Length);
            if (got.Count == lengths.Length)
                taken.SetResult();
        });

        byte[] stream = [.. lengths.SelectMany(length => Framed(length))];
        for (int at = 0, step = 1; at < stream.Length; step = (step * 7 % 5000) + 1)
        {
            int sent = inbox.TrySend(stream.AsSpan(at, Math.Min(step, stream.Length - at)));
            at += sent;
            if (sent == 0)
                inbox.WaitForRoom(TimeSpan.FromSeconds(1));
        }

        await taken.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
        got.Should().Equal(lengths);
    }

    [Fact]
    public async Task What_has_no_room_waits_at_the_port_and_is_dropped_and_counted_there()
    {
        using var mayGoOn = new ManualResetEvent(false);
        var other = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using EthernetSwitch lan = Switches.New();
        SwitchPort rogue = lan.Add("rogue", MacAddress.For("rogue")),
            web = lan.Add("web", MacAddress.For("web")),
            own = lan.Add("own", MacAddress.For("own"));
        using var inbox = new FrameInbox("test", frame =>
        {
            mayGoOn.WaitOne();
            if (frame.Length == 77)
                other.SetResult();
        });
        own.Plug(inbox);

        for (int index = 0; index < 1000; index++)
            lan.Carry(rogue, Framed(1400, "rogue"));
        lan.Carry(web, Framed(77, "web"));

        long dropped = own.Counters.Dropped(DropCause.QueueFull);
        mayGoOn.Set();

        dropped.Should().BeInRange(700, 950);
        await other.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
    }

    // To all.
    private static byte[] Framed(int length, string from)
    {
        byte[] frame = Framed(length);
        frame.AsSpan(4, 6).Fill(0xff);
        MacAddress.For(from).ToBytes().CopyTo(frame, 10);
        return frame;
    }

    private static byte[] Framed(int length)
    {
        byte[] frame = new byte[4 + length];
        BinaryPrimitives.WriteInt32BigEndian(frame, length);
        return frame;
    }
}
