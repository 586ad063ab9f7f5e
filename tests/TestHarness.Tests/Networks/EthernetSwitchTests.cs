using System.Buffers.Binary;
using FluentAssertions;
using TestHarness.Networks.Ethernet;
using Xunit;

namespace TestHarness.Tests.Networks;

public sealed class EthernetSwitchTests : IDisposable
{
    private static readonly MacAddress Everybody = MacAddress.Parse("ff:ff:ff:ff:ff:ff");

    private EthernetSwitch _switch = Switches.New();
    private readonly Dictionary<string, MemorySink> _sinks = [];

    public void Dispose()
    {
        foreach (SwitchPort port in _switch.Ports.ToArray())
            _switch.Remove(port);
    }

    [Fact]
    public void Carries_to_the_card_that_is_meant_and_to_all_what_is_for_all()
    {
        SwitchPort a = Add("a");
        Add("b");
        Add("c");

        Carry(
            a,
            Frame(Card("b"), Card("a"), 60),
            Frame(Card("b"), Card("a"), 1500),
            Frame(Everybody, Card("a"), 42),
            Frame(Card("c"), Card("a"), 9014)
        );

        _sinks["a"].Lengths.Should().BeEmpty();
        _sinks["b"].Lengths.Should().Equal(60, 1500, 42);
        _sinks["c"].Lengths.Should().Equal(42, 9014);
        a.Counters.FramesIn.Should().Be(4);
        a.Counters.BytesIn.Should().Be(60 + 1500 + 42 + 9014);
    }

    [Fact]
    public void Learns_addresses_that_are_no_cards_and_lets_nobody_take_a_cards_frames()
    {
        SwitchPort a = Add("a"),
            b = Add("b");
        Add("c");
        MacAddress other = MacAddress.For("a virtual address");

        Carry(a, Frame(other, Card("a"), 60));
        _sinks["b"].Lengths.Should().HaveCount(1, "nobody has it yet");
        _sinks["c"].Lengths.Should().HaveCount(1);
        Carry(b, Frame(Everybody, other, 60));
        Carry(a, Frame(other, Card("a"), 61));
        _sinks["b"].Lengths.Should().Equal(60, 61);
        _sinks["c"].Lengths.Should().HaveCount(2);
        Carry(b, Frame(Everybody, Card("c"), 60), Frame(Card("a"), Card("c"), 60));
        Carry(a, Frame(Card("c"), Card("a"), 62));

        b.Counters.Dropped(DropCause.ForgedSource).Should().Be(2);
        _sinks["c"].Lengths[^1].Should().Be(62);
        _sinks["b"].Lengths.Should().Equal(60, 61);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(13)]
    public void Drops_what_is_no_frame_and_goes_on(int length)
    {
        SwitchPort a = Add("a");
        Add("b");

        Carry(a, new byte[length], Frame(Card("b"), Card("a"), 65_535), Frame(Card("b"), Card("a"), 14));

        a.Counters.Dropped(DropCause.Malformed).Should().Be(1);
        _sinks["b"].Lengths.Should().Equal(65_535, 14);
    }

    [Fact]
    public void Leaves_what_is_not_whole_and_refuses_what_is_no_stream()
    {
        SwitchPort a = Add("a");
        Add("b");
        byte[] two = Stream(Frame(Card("b"), Card("a"), 60), Frame(Card("b"), Card("a"), 60));

        _switch.Carry(a, two.AsSpan(0, two.Length - 1)).Should().Be(64);
        _switch.Carry(a, two.AsSpan(0, 3)).Should().Be(0);

        FluentActions.Invoking(() => _switch.Carry(a, [0xff, 0, 0, 0])).Should().Throw<InvalidDataException>();
        FluentActions.Invoking(() => _switch.Carry(a, [0, 2, 0, 0])).Should().Throw<InvalidDataException>();
    }

    [Fact]
    public async Task A_receiver_that_stands_still_stalls_nobody_and_has_what_there_was_room_for()
    {
        SwitchPort a = Add("a"),
            c = Add("c");
        SwitchPort b = Add("b");
        _sinks["b"].Room = 100;
        byte[] frame = Stream(Frame(Card("b"), Card("a"), 1500));
        long began = TimeProvider.System.GetTimestamp();

        for (int index = 0; index < 500; index++)
            _switch.Carry(a, frame);
        Carry(c, Frame(Card("b"), Card("c"), 77));
        Carry(a, Frame(Card("c"), Card("a"), 60));

        TimeProvider.System.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(5));
        _sinks["c"].Lengths.Should().Equal(60);
        long dropped = b.Counters.Dropped(DropCause.QueueFull);
        dropped.Should().BeInRange(400, 450);
        _sinks["b"].Room = int.MaxValue;
        while (_sinks["b"].Lengths.Count < 501 - dropped)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        _sinks["b"].Lengths.Should().Contain(77).And.HaveCount((int)(501 - dropped));
        b.Counters.FramesOut.Should().Be(501 - dropped);
    }

    [Fact]
    public async Task A_receiver_that_takes_its_time_slows_its_sender_and_loses_nothing()
    {
        // By this time it has taken something a moment ago.
        _switch = Switches.New(new ManualTime());
        SwitchPort a = Add("a"),
            b = Add("b");
        _sinks["b"].Room = 10_000;
        using var enough = new CancellationTokenSource();
        Task slow = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                _sinks["b"].Room += 10_000;
                await Task.Delay(1);
            }
        });
        byte[] frame = Stream(Frame(Card("b"), Card("a"), 1500));

        for (int index = 0; index < 500; index++)
            _switch.Carry(a, frame);
        while (_sinks["b"].Lengths.Count < 500)
            await Task.Delay(10, TestContext.Current.CancellationToken);

        b.Counters.Dropped(DropCause.QueueFull).Should().Be(0);
        await enough.CancelAsync();
        await slow;
    }

    private static MacAddress Card(string name) => MacAddress.For(name);

    private static byte[] Frame(MacAddress target, MacAddress source, int length)
    {
        var frame = new byte[length];
        Write(target, frame);
        Write(source, frame.AsSpan(6));
        return frame;
    }

    private static void Write(MacAddress address, Span<byte> at)
    {
        BinaryPrimitives.WriteUInt16BigEndian(at, (ushort)(address.Value >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(at[2..], (uint)address.Value);
    }

    private static byte[] Stream(params byte[][] frames)
    {
        using var stream = new MemoryStream();
        Span<byte> length = stackalloc byte[4];
        foreach (byte[] frame in frames)
        {
            BinaryPrimitives.WriteInt32BigEndian(length, frame.Length);
            stream.Write(length);
            stream.Write(frame);
        }

        return stream.ToArray();
    }

    private void Carry(SwitchPort from, params byte[][] frames)
    {
        byte[] stream = Stream(frames);
        _switch.Carry(from, stream).Should().Be(stream.Length);
    }

    private SwitchPort Add(string name)
    {
        SwitchPort port = _switch.Add(name, Card(name));
        port.Plug(_sinks[name] = new MemorySink());
        return port;
    }

    /// <summary>Takes as much as it is given room for.</summary>
    private sealed class MemorySink : IFrameSink
    {
        private readonly object _gate = new();
        private readonly List<byte> _stream = [];
        private readonly List<int> _lengths = [];
        private int _read;
        private int _room = int.MaxValue;

        public int Room
        {
            get
            {
                lock (_gate)
                    return _room;
            }
            set
            {
                lock (_gate)
                {
                    _room = value;
                    Monitor.PulseAll(_gate);
                }
            }
        }

        public IReadOnlyList<int> Lengths
        {
            get
            {
                lock (_gate)
                    return [.. _lengths];
            }
        }

        public int TrySend(ReadOnlySpan<byte> bytes)
        {
            lock (_gate)
            {
                int taken = Math.Min(bytes.Length, _room - _stream.Count);
                _stream.AddRange(bytes[..taken]);
                while (_stream.Count - _read >= 4 && Length() is var length && _stream.Count - _read - 4 >= length)
                {
                    _lengths.Add(length);
                    _read += 4 + length;
                }

                return taken;
            }
        }

        public void WaitForRoom(TimeSpan limit)
        {
            lock (_gate)
            {
                if (_room == _stream.Count)
                    Monitor.Wait(_gate, limit);
            }
        }

        private int Length() => (_stream[_read] << 24) | (_stream[_read + 1] << 16) | (_stream[_read + 2] << 8) | _stream[_read + 3];
    }
}
