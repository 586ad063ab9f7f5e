using System.Threading.Channels;
using TestHarness.Networks.Ethernet;
using Xunit;

namespace TestHarness.Tests.Networks.Answers;

/// <summary>What comes to a port, each frame without its length.</summary>
internal sealed class Frames : IFrameSink
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly Channel<byte[]> _frames = Channel.CreateUnbounded<byte[]>();

    public int Count => _frames.Reader.Count;

    public int TrySend(ReadOnlySpan<byte> bytes)
    {
        for (int at = 0; at < bytes.Length; )
        {
            int length = EthernetFrame.LengthOf(bytes[at..]);
            _frames.Writer.TryWrite(bytes.Slice(at + EthernetFrame.Prefix, length).ToArray());
            at += EthernetFrame.Prefix + length;
        }

        return bytes.Length;
    }

    public void WaitForRoom(TimeSpan limit) { }

    public async Task<byte[]> NextAsync() =>
        await _frames
            .Reader.ReadAsync(TestContext.Current.CancellationToken)
            .AsTask()
            .WaitAsync(Limit, TestContext.Current.CancellationToken);

    public async Task<byte[]> WhereAsync(Func<byte[], bool> isIt)
    {
        byte[] frame;
        do frame = await NextAsync();
        while (!isIt(frame));
        return frame;
    }
}
