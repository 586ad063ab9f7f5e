using System.Text;
using Renci.SshNet;
using Renci.SshNet.Common;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>
/// A command in the guest over SSH, as a byte stream: what is read comes from the command, what is written goes to it.
/// </summary>
internal sealed class SshSession : Stream
{
    private const int MaxErrorBytes = 16 * 1024;

    // What the user's shell may say before the agent begins.
    private const int MaxTextBytes = 64 * 1024;

    private static readonly TimeSpan OrderlyEnd = TimeSpan.FromSeconds(5);

    private readonly SshClient _client;
    private readonly SshCommand _command;
    private readonly ProgramWords _words = new(MaxErrorBytes);
    private readonly Stream _from;
    private readonly Stream _to;
    private readonly Lazy<Task> _closed;
    private int _read;

    private SshSession(SshClient client, string command)
    {
        _client = client;
        _command = client.CreateCommand(command);
        _closed = new Lazy<Task>(() => BlockingThreads.RunAsync(Disconnect));
        Task executed = _command.ExecuteAsync(CancellationToken.None);
        _to = Input(_command);
        // From now on a write waits for as long as the guest takes nothing, as it does while it is paused.
        client.ConnectionInfo.Timeout = Timeout.InfiniteTimeSpan;
        _from = SshOutput.Read(_command.OutputStream);
        Exited = WaitForExitAsync(executed, _words.CollectAsync(new StreamReader(SshOutput.Read(_command.ExtendedOutputStream))));
    }

    /// <summary>
    /// Gets the command's exit code once it has ended and its last words are read; <see langword="null"/> where the session ended before,
    /// or a signal ended the command.
    /// </summary>
    public Task<int?> Exited { get; }

    /// <summary>Gets what the command wrote to standard error.</summary>
    public string StandardError => _words.Text;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Connects, and starts a command.</summary>
    /// <param name="client">The client; taken over, also where this fails.</param>
    /// <param name="command">The command, for the user's shell in the guest.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SshException">The guest refuses, or the connection ended.</exception>
    /// <exception cref="IOException">The guest broke the protocol.</exception>
    public static async Task<SshSession> OpenAsync(SshClient client, string command, CancellationToken cancellationToken)
    {
        // SSH.NET waits for each answer in the thread that asks.
        Task<SshSession> opening = BlockingThreads.RunAsync(() =>
        {
            client.Connect();
            return new SshSession(client, command);
        });
        try
        {
            return await opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _ = DisposeAfterAsync(opening, client);
            if (e is SshException or OperationCanceledException)
                throw;
            throw new IOException(e.Message, e);
        }
    }

    /// <summary>Reads a line of ASCII and nothing behind it; <see langword="null"/> where the command has ended.</summary>
    /// <exception cref="AgentLostException">More than 64 KiB came in all.</exception>
    public async Task<string?> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        byte[] one = new byte[1];
        while (await ReadAsync(one, cancellationToken).ConfigureAwait(false) == 1)
        {
            if (one[0] == '\n')
                return line.ToString();
            if (++_read > MaxTextBytes)
                throw new AgentLostException($"the session over SSH wrote more than {MaxTextBytes} bytes before the agent began");
            line.Append((char)one[0]);
        }

        return null;
    }

    /// <summary>
    /// Ends the command by the end of its input, so that nothing of the session is left in the guest; ends the session where that takes
    /// long.
    /// </summary>
    public async Task CloseAsync()
    {
        Task ended = Task.WhenAll(BlockingThreads.RunAsync(EndInput), Exited);
        await Task.WhenAny(ended, Clock.System.Delay(OrderlyEnd)).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _from.ReadAsync(buffer, cancellationToken);

    // A write waits in its thread while the guest takes nothing, and longer than who has cancelled: so a copy.
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        byte[] bytes = buffer.ToArray();
        await BlockingThreads.RunAsync(() => Send(bytes)).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => _from.Read(buffer, offset, count);

    public override void Write(byte[] buffer, int offset, int count) => _to.Write(buffer, offset, count);

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    // A guest that stands still takes no farewell, and the thread that waits for it ends with its QEMU.
    public override async ValueTask DisposeAsync()
    {
        await Task.WhenAny(_closed.Value, Clock.System.Delay(OrderlyEnd)).ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Begins to end the session, and does not wait for that.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _ = _closed.Value;
        base.Dispose(disposing);
    }

    private static async Task DisposeAfterAsync(Task<SshSession> opening, SshClient client)
    {
        await ((Task)opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (opening.IsCompletedSuccessfully)
            await opening.Result.DisposeAsync().ConfigureAwait(false);
        else
            await BlockingThreads.RunAsync(() => Quietly(client.Dispose)).ConfigureAwait(false);
    }

    // The end of a session that is broken, or that the guest has left, fails in many ways. None of them is news.
    private static bool Quietly(Action end)
    {
        try
        {
            end();
            return true;
        }
        catch (Exception)
        {
            return false;
        }
    }

    // There is none where the command has ended by now; its exit code tells why.
    private static Stream Input(SshCommand command)
    {
        try
        {
            return command.CreateInputStream();
        }
        catch (InvalidOperationException)
        {
            return Null;
        }
    }

    private bool Send(byte[] bytes)
    {
        try
        {
            _to.Write(bytes);
            return true;
        }
        catch (Exception e) when (e is not IOException)
        {
            throw new IOException(e.Message, e);
        }
    }

    private bool EndInput() => Quietly(_to.Dispose);

    // First who reads. Then the connection: a channel of one that is open waits for the guest's answer to its end.
    private bool Disconnect() =>
        Quietly(_command.OutputStream.Dispose)
        & Quietly(_command.ExtendedOutputStream.Dispose)
        & Quietly(_client.Disconnect)
        & Quietly(_command.Dispose)
        & Quietly(_client.Dispose);

    private async Task<int?> WaitForExitAsync(Task executed, Task words)
    {
        await executed.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await words.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return _command.ExitStatus;
    }
}
