using System.Buffers.Binary;
using System.Text;
using System.Threading.Channels;
using TestHarness.Agents;

namespace TestHarness.Tool.Machines;

/// <summary>One request on its way: what was asked, what the caller sends meanwhile, and where the answer goes.</summary>
internal sealed class HostCall(HostChannel channel, HostRequest request)
{
    private readonly Channel<byte[]> _input = Channel.CreateUnbounded<byte[]>();

    private readonly Lock _gate = new();
    private Action<AgentTerminal> _resized = _ => { };
    private AgentTerminal? _size;

    public HostRequest Request => request;

    /// <summary>Has something done with each new size of the caller's terminal, and with one that came before.</summary>
    public void OnResized(Action<AgentTerminal> resized)
    {
        lock (_gate)
        {
            _resized = resized;
            if (_size is not null)
                resized(_size);
        }
    }

    /// <summary>Takes frames until the caller has gone.</summary>
    public async Task ReceiveAsync(CancellationToken cancellationToken)
    {
        while (await channel.ReceiveAsync(cancellationToken) is var (kind, payload))
        {
            if (kind == FrameKind.Input && payload.Length == 0)
                _input.Writer.TryComplete();
            else if (kind == FrameKind.Input)
                _input.Writer.TryWrite(payload);
            else if (kind == FrameKind.Size && payload.Length == 4)
                Resize(
                    new AgentTerminal(
                        BinaryPrimitives.ReadUInt16LittleEndian(payload),
                        BinaryPrimitives.ReadUInt16LittleEndian(payload.AsSpan(2))
                    )
                );
        }
    }

    public Task TellAsync(string line, CancellationToken cancellationToken) =>
        channel.SendAsync(FrameKind.Progress, Encoding.UTF8.GetBytes(line), cancellationToken);

    public Task TellAsync(StartProgress howFar, CancellationToken cancellationToken) =>
        channel.SendAsync(FrameKind.HowFar, howFar, ToolJson.Default.StartProgress, cancellationToken);

    public Task AnswerAsync(HostAnswer answer, CancellationToken cancellationToken) =>
        answer.InGuest is { } inGuest
            ? channel.SendAsync(FrameKind.Exit, answer.ToExit(inGuest), cancellationToken)
            : channel.SendAsync(FrameKind.Answer, answer, ToolJson.Default.HostAnswer, cancellationToken);

    public IAsyncEnumerable<byte[]> ReadInputAsync(CancellationToken cancellationToken) => _input.Reader.ReadAllAsync(cancellationToken);

    /// <summary>Passes a stream on, piece by piece.</summary>
    public async Task CopyAsync(FrameKind kind, Stream from, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        int count;
        while ((count = await from.ReadAsync(buffer, cancellationToken)) > 0)
            await channel.SendAsync(kind, buffer.AsMemory(0, count), cancellationToken);
    }

    /// <summary>Gets a stream whose writes go to the caller's standard output.</summary>
    public Stream Output => new OutputStream(channel);

    private void Resize(AgentTerminal size)
    {
        lock (_gate)
        {
            _size = size;
            _resized(size);
        }
    }

    private sealed class OutputStream(HostChannel channel) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush() { }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            await channel.SendAsync(FrameKind.Output, buffer, cancellationToken);
    }
}
