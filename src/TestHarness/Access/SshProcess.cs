using System.Diagnostics;
using System.Text;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>
/// An ssh session as a byte stream: what is read comes from the command in the guest, what is written goes to it. Dies with this process.
/// </summary>
internal sealed class SshProcess : Stream
{
    private const int MaxErrorBytes = 16 * 1024;

    // What the user's shell may say before the agent begins.
    private const int MaxTextBytes = 64 * 1024;

    private static readonly TimeSpan OrderlyEnd = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly ProgramFamily _family;
    private readonly ProgramWords _words = new(MaxErrorBytes);
    private readonly Stream _from;
    private readonly Stream _to;
    private int _read;

    private SshProcess(Process process, ProgramFamily family)
    {
        (_process, _family) = (process, family);
        _from = new ProgramOutput(process.StandardOutput.BaseStream, family.Ended);
        _to = process.StandardInput.BaseStream;
        Exited = WaitForExitAsync();
    }

    /// <summary>Gets ssh's exit code once it has ended and its last words are read: the command's, or 255.</summary>
    public Task<int> Exited { get; }

    /// <summary>Gets what ssh and the command wrote to standard error.</summary>
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

    public static async Task<SshProcess> StartAsync(IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(Prerequisites.Find("setpriv"), ["--pdeathsig", "KILL", "--", .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        HelperEnvironment.Give(start);
        var family = new ProgramFamily();
        family.Mark(start);
        return new SshProcess(await SpawnThread.RunAsync(() => Process.Start(start)!).ConfigureAwait(false), family);
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
    /// Ends the command by the end of its input, so that nothing of the session is left in the guest; kills ssh where that takes long.
    /// </summary>
    public async Task CloseAsync()
    {
        await _to.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAny(Exited, Clock.System.Delay(OrderlyEnd)).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _from.ReadAsync(buffer, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _to.WriteAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => _to.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => _from.Read(buffer, offset, count);

    public override void Write(byte[] buffer, int offset, int count) => _to.Write(buffer, offset, count);

    public override void Flush() => _to.Flush();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            try
            {
                if (!_process.HasExited)
                    _family.Kill(_process.Id);
            }
            catch (InvalidOperationException)
            {
                // It has ended already.
            }
        }

        base.Dispose(disposing);
    }

    private async Task<int> WaitForExitAsync()
    {
        Task error = _words.CollectAsync(new StreamReader(new ProgramOutput(_process.StandardError.BaseStream, _family.Ended)));
        await _process.WaitForExitAsync().ConfigureAwait(false);
        await _family.EndAsync(_process.ExitCode, error, thoroughly: false).ConfigureAwait(false);
        await error.ConfigureAwait(false);
        return _process.ExitCode;
    }
}
