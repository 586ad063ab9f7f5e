using System.Buffers.Binary;
using System.Threading.Channels;
using FluentAssertions;
using TestHarness.Networks.Ethernet;
using Xunit;

namespace TestHarness.Tests.Networks;

public sealed class LinkFaultsTests : IDisposable
{
    private readonly FrameCapture _capture = new(4096, TimeProvider.System);
    private readonly LinkFaults _faults = new("lan", 1, TimeProvider.System);
    private readonly EthernetSwitch _switch;
    private readonly Dictionary<string, FrameSink> _sinks = [];

    public LinkFaultsTests() => _switch = new EthernetSwitch(TimeProvider.System, _capture, _faults);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _switch.Dispose();

    [Fact]
    public void A_cut_is_one_way_and_joined_again_it_carries()
    {
        SwitchPort a = Add("a"),
            b = Add("b");

        _faults.Cut([("a", "b")], isCut: true);
        Carry(a, "b", 60);
        Carry(b, "a", 61);
        _faults.Heal();
        Carry(a, "b", 62);

        _sinks["b"].Lengths.Should().Equal(62);
        _sinks["a"].Lengths.Should().Equal(61);
        b.Counters.Dropped(DropCause.Cut).Should().Be(1);
        _faults.ArePlain.Should().BeTrue();
    }

    [Fact]
    public async Task Frames_keep_their_order_through_jitter_and_come_late()
    {
        SwitchPort a = Add("a");
        Add("b");
        _faults.Set(
            new LinkPart("a", "b"),
            new LinkConditions { Latency = TimeSpan.FromMilliseconds(130), Jitter = TimeSpan.FromMilliseconds(30) }
        );

        for (int length = 60; length < 160; length++)
            Carry(a, "b", length);
        _sinks["b"].Lengths.Should().BeEmpty("none is there before its time");
        await _sinks["b"].WaitAsync(100, Token);
        _sinks["b"].Lengths.Should().Equal(Enumerable.Range(60, 100));

        // What comes under other conditions does not wait for them.
        Carry(a, "b", 60);
        _faults.Clear();
        Carry(a, "b", 61);
        await _sinks["b"].WaitAsync(102, Token);
        _sinks["b"].Lengths[100..].Should().Equal(61, 60);
    }

    [Fact]
    public async Task A_corrupted_frame_is_not_overtaken()
    {
        SwitchPort a = Add("a");
        Add("b");
        for (int length = 60; length < 160; length++)
        {
            _faults.Set(LinkPart.Network, new LinkConditions { Corruption = length % 2 });
            Carry(a, "b", length);
        }

        await _sinks["b"].WaitAsync(100, Token);
        _sinks["b"].Lengths.Should().Equal(Enumerable.Range(60, 100));
    }

    [Fact]
    public async Task All_that_is_set_takes_effect_once_a_copy_is_a_frame_more_and_others_overtake_what_is_reordered()
    {
        SwitchPort a = Add("a");
        Add("b");
        _faults.Set(LinkPart.Network, new LinkConditions { Duplication = 1 });
        _faults.Set(new LinkPart(null, "b"), new LinkConditions { Duplication = 1 });
        Carry(a, "b", 60);
        _faults.Clear();
        // By as much as the latency: a busy host may be away for the 10 ms that it is without.
        _faults.Set(new LinkPart("a", null), new LinkConditions { Reordering = 1, Latency = TimeSpan.FromMilliseconds(200) });
        Carry(a, "b", 61);
        _faults.Clear();
        Carry(a, "b", 62);

        await _sinks["b"].WaitAsync(6, Token);
        _sinks["b"].Lengths.Should().Equal(60, 60, 60, 60, 62, 61);
    }

    [Fact]
    public void The_latest_frames_are_kept_and_written_with_the_machines_names()
    {
        SwitchPort a = Add("a");
        Add("b");
        for (int length = 100; length < 200; length++)
            Carry(a, "b", length);
        Carry(_switch.Add("late", MacAddress.For("late")), "a", 77);

        IReadOnlyList<CapturedFrame> frames = _capture.ToList();
        frames.Select(frame => frame.Bytes.Length).Should().Equal([.. Enumerable.Range(200 - frames.Count + 1, frames.Count - 1), 77]);
        frames.Sum(frame => frame.Bytes.Length + 16).Should().BeInRange(3800, 4096);
        using var file = new MemoryStream();
        PcapngFile.Write(file, _switch.Names, frames);
        List<(uint Type, byte[] Body)> blocks = Blocks(file.ToArray());
        blocks
            .Where(block => block.Type == 1)
            .Select(block => System.Text.Encoding.ASCII.GetString(block.Body, 12, 4).TrimEnd('\0'))
            .Should()
            .Equal("a", "b", "late");
        blocks
            .Where(block => block.Type == 6)
            .Select(block => BinaryPrimitives.ReadInt32LittleEndian(block.Body.AsSpan(12)))
            .Should()
            .Equal(frames.Select(frame => frame.Bytes.Length));
        BinaryPrimitives.ReadInt32LittleEndian(blocks[^1].Body).Should().Be(2, "the last one came from the third");
    }

    [Fact]
    public void A_port_that_nothing_is_plugged_into_drops_and_what_waited_goes_with_the_machine()
    {
        SwitchPort a = Add("a"),
            b = Add("b");
        _sinks["b"].IsStopped = true;
        Carry(a, "b", 60);
        b.Plug(null);
        Carry(a, "b", 61);
        b.Plug(_sinks["b"] = new FrameSink());
        Carry(a, "b", 62);

        _sinks["b"].Lengths.Should().Equal(62);
        b.Counters.Dropped(DropCause.NotConnected).Should().Be(1);
    }

    private static List<(uint Type, byte[] Body)> Blocks(byte[] file)
    {
        List<(uint, byte[])> blocks = [];
        for (int at = 0; at < file.Length; )
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at + 4));
            BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at + length - 4)).Should().Be(length);
            blocks.Add((BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at)), file[(at + 8)..(at + length - 4)]));
            at += length;
        }

        return blocks;
    }

    private SwitchPort Add(string name)
    {
        SwitchPort port = _switch.Add(name, MacAddress.For(name));
        port.Plug(_sinks[name] = new FrameSink());
        return port;
    }

    private void Carry(SwitchPort from, string to, int length)
    {
        byte[] frame = new byte[4 + length];
        BinaryPrimitives.WriteInt32BigEndian(frame, length);
        MacAddress.For(to).ToBytes().CopyTo(frame, 4);
        from.Card.ToBytes().CopyTo(frame, 10);
        _switch.Carry(from, frame).Should().Be(frame.Length);
    }

    /// <summary>Takes whole frames, one at a time as these tests send them.</summary>
    private sealed class FrameSink : IFrameSink
    {
        private readonly object _gate = new();
        private readonly List<int> _lengths = [];
        private readonly Channel<bool> _came = Channel.CreateUnbounded<bool>();

        public bool IsStopped { get; set; }

        public int[] Lengths
        {
            get
            {
                lock (_gate)
                    return [.. _lengths];
            }
        }

        public async Task WaitAsync(int count, CancellationToken cancellationToken)
        {
            while (Lengths.Length < count)
                await _came.Reader.ReadAsync(cancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(10), cancellationToken);
        }

        public int TrySend(ReadOnlySpan<byte> bytes)
        {
            if (IsStopped)
                return 0;
            lock (_gate)
                _lengths.Add(bytes.Length - 4);
            _came.Writer.TryWrite(true);
            return bytes.Length;
        }

        // One that is stopped stays so.
        public void WaitForRoom(TimeSpan limit)
        {
            lock (_gate)
                Monitor.Wait(_gate, limit);
        }
    }
}
