using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using FluentAssertions;
using Renci.SshNet.Common;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Consoles;
using TestHarness.Hosts;
using TestHarness.Machines;
using TestHarness.Networks;
using TestHarness.Qemu;
using TestHarness.Tests.Qemu;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Hostile;

/// <summary>
/// Each reader of what a guest, a QEMU or a helper sends is offered 256 MiB: it stops at its bound, or keeps no more than that. Alone,
/// because the memory of the whole process is measured.
/// </summary>
[Collection(nameof(EndlessInputTests))]
[CollectionDefinition(nameof(EndlessInputTests), DisableParallelization = true)]
[Fault(
    "A QEMU guest agent, an sshd, QEMU's standard error, a serial console or an HTTP client sends without end.",
    "Each reader stops at its bound, or keeps the beginning and the end. Memory stays flat."
)]
public sealed class EndlessInputTests
{
    private const long MiB = 1024 * 1024;
    private const long Offered = 256 * MiB;

    // Of processor time, which other programs on the host do not lengthen; and for how long nothing may hang.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Guard = TimeSpan.FromMinutes(2);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Blocks =>
        new()
        {
            { "no line end", "x" },
            { "answers that nobody asked for", "{\"return\": 1}\n" },
            { "small objects", "{}\n" },
            { "no JSON", "rubbish\n" },
            { "resets", "\u00ff\n" },
            { "long lines", $"{{\"return\": [{string.Join(',', Enumerable.Repeat("1", 100_000))}]}}\n" },
        };

    [Theory]
    [MemberData(nameof(Blocks))]
    public async Task A_QEMU_guest_agent_is_given_up_at_1_MiB_that_nobody_asked_for(string what, string block)
    {
        _ = what;
        var flood = new Flood(Encoding.Latin1.GetBytes(block));
        var agent = new QemuGuestAgent(flood);

        await MeasureAsync(async () =>
            (await agent.Invoking(one => one.WaitAsync(Token)).Should().ThrowAsync<AgentLostException>()).WithMessage(
                "the QEMU guest agent is not listened to any more: *"
            )
        );

        flood.Sent.Should().BeLessThan(2 * MiB);
    }

    [Fact]
    public Task A_program_that_never_ends_its_line_leaves_beginning_and_end() =>
        MeasureAsync(async () =>
        {
            var words = new ProgramWords(64 * 1024);
            await words.CollectAsync(new StreamReader(new Flood("x"u8.ToArray())));

            words.Text.Should().StartWith("xxx").And.EndWith("xxx").And.Contain($"[… {Offered - (64 * 1024)} bytes dropped …]");
            words.Text.Length.Should().BeLessThan(70_000);
        });

    [Fact]
    public Task QEMUs_standard_error_is_bounded() =>
        MeasureAsync(async () =>
        {
            using var folder = new ScriptedQemu("head -c 268435456 /dev/zero | tr '\\0' x >&2; echo the last words >&2; exit 3");
            await using QemuProcess qemu = await QemuProcess.StartAsync(folder.Program, [], folder.Proofs, null);

            (await qemu.Exited.WaitAsync(Token)).Should().Be(3);
            qemu.StandardError.Should().StartWith("xxx").And.EndWith("the last words\n");
            qemu.StandardError.Length.Should().BeLessThan(70_000);
        });

    [Fact]
    public Task What_comes_over_SSH_and_nobody_reads_ends_at_8_MiB() =>
        MeasureAsync(async () =>
        {
            using var channel = new PipeStream();
            Stream unread = SshOutput.Read(channel);

            await SendAsync(channel).Should().ThrowAsync<ObjectDisposedException>();

            (
                await FluentActions.Awaiting(() => unread.CopyToAsync(Stream.Null, Token)).Should().ThrowAsync<AgentLostException>()
            ).WithMessage("the guest sent more than 8388608 bytes over SSH that nobody had read");
        });

    [Fact]
    public Task What_a_command_over_SSH_says_is_bounded() =>
        MeasureAsync(async () =>
        {
            using var channel = new PipeStream();
            var words = new ProgramWords(16 * 1024);
            Task collecting = words.CollectAsync(new StreamReader(SshOutput.Read(channel)));

            await SendAsync(channel, atMost: MiB)();
            channel.Dispose();
            await collecting.WaitAsync(Token);

            words.Text.Length.Should().BeLessThan(17_000);
        });

    [Theory]
    [InlineData("log")]
    [InlineData("watch")]
    [InlineData("lines")]
    public Task A_serial_console_keeps_4_MiB(string reader) =>
        MeasureAsync(() =>
        {
            var log = new SerialLog();
            var search = SerialSearch.For(log, "never there");
            var watch = new GuestWatch(() => ("", ""), TimeProvider.System);
            var splitter = new LineSplitter(_ => { });
            byte[] block = Encoding.UTF8.GetBytes(new string('y', (int)MiB));
            for (long sent = 0; sent < Offered; sent += block.Length)
            {
                if (reader == "log")
                    log.Append(block);
                else if (reader == "watch")
                    watch.SeeSerial(block);
                else
                    splitter.Add(block);
            }

            search.Next(0).Should().BeNull();
            log.Text.Length.Should().BeLessThan((int)(5 * MiB));
            return Task.CompletedTask;
        });

    [Fact]
    public Task Signs_of_trouble_are_kept_once_each() =>
        MeasureAsync(() =>
        {
            var watch = new GuestWatch(() => ("", ""), TimeProvider.System);
            watch.Boot();
            byte[] block = Encoding.UTF8.GetBytes(
                string.Concat(Enumerable.Repeat($"Kernel panic - not syncing: {new string('p', 4000)}\n", 256))
            );
            for (long sent = 0; sent < Offered; sent += block.Length)
                watch.SeeSerial(block);

            watch.TellingLine.Should().StartWith("Kernel panic");
            return Task.CompletedTask;
        });

    [Fact]
    public Task A_request_over_HTTP_is_refused() =>
        MeasureAsync(async () =>
        {
            var flood = new Flood("GET /xxxxxxxx"u8.ToArray(), endAfter: 64 * MiB);
            await HttpConnection.ServeAsync(flood, () => { }, (_, _) => throw new InvalidOperationException(), Token).WaitAsync(Token);

            Encoding.UTF8.GetString(flood.Written).Should().StartWith("HTTP/1.1 414 ");
        });

    [Fact]
    public async Task A_hold_serves_32_connections_at_once()
    {
        string folder = Directory.CreateTempSubdirectory("hold-").FullName;
        int served = 0;
        await using (var hold = new HoldSocket(Path.Combine(folder, "s"), (_, token) =>
            {
                Interlocked.Increment(ref served);
                return Task.Delay(Timeout.Infinite, token);
            }))
        {
            List<Socket> clients = [];
            for (int i = 0; i < 40; i++)
            {
                var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await client.ConnectAsync(new UnixDomainSocketEndPoint(hold.Path), Token);
                clients.Add(client);
            }

            (await clients[^1].ReceiveAsync(new byte[1], Token)).Should().Be(0, "it is closed");
            served.Should().Be(32);
            clients.ForEach(client => client.Dispose());
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task MeasureAsync(Func<Task> read)
    {
        long before = Held(),
            peak = 0;
        TimeSpan used = Environment.CpuUsage.TotalTime;
        Task reading = read().WaitAsync(Guard, Token);
        // A look collects all garbage. On a busy host that takes longer, and the looks would be what is measured.
        for (TimeSpan look = TimeSpan.Zero; !reading.IsCompleted; )
        {
            await Task.WhenAny(reading, Task.Delay(Math.Max(100, (int)(look.TotalMilliseconds * 20)), Token));
            long began = Stopwatch.GetTimestamp();
            peak = Math.Max(peak, Held());
            look = Stopwatch.GetElapsedTime(began);
        }

        await reading;
        TimeSpan took = Environment.CpuUsage.TotalTime - used;

        took.Should().BeLessThan(Limit);
        (Math.Max(peak, Held()) - before).Should().BeLessThan(64 * MiB);
    }

    // What the collector has found to be held, not what was allocated since: a busy host may put off this thread for so long.
    private static long Held()
    {
        GC.Collect();
        GCMemoryInfo found = GC.GetGCMemoryInfo(GCKind.FullBlocking);
        return found.HeapSizeBytes - found.FragmentedBytes;
    }

    /// <summary>The same bytes again and again; what is written to it is kept.</summary>
    private sealed class Flood(byte[] block, long endAfter = Offered) : Stream
    {
        private readonly byte[] _block = [.. Enumerable.Repeat(block, (64 * 1024 / block.Length) + 1).SelectMany(bytes => bytes)];
        private readonly MemoryStream _written = new();

        public long Sent { get; private set; }

        public byte[] Written => _written.ToArray();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            int at = (int)(Sent % _block.Length),
                count = (int)Math.Min(Math.Min(buffer.Length, _block.Length - at), endAfter - Sent);
            _block.AsSpan(at, count).CopyTo(buffer);
            Sent += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(Read(buffer.Span));

        public override void Write(byte[] buffer, int offset, int count) => _written.Write(buffer, offset, count);

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }

    // As SSH.NET does: the thread that reads the connection writes what has come.
    private static Func<Task> SendAsync(PipeStream channel, long atMost = long.MaxValue) =>
        () =>
            Task.Run(async () =>
            {
                byte[] block = Encoding.UTF8.GetBytes(new string('y', 32 * 1024));
                for (long sent = 0; sent < Offered; sent += block.Length)
                {
                    while (channel.Length > atMost)
                        await Task.Delay(1, Token);
                    // As SSH.NET does with each packet; without, the one who takes it out would never get the lock.
                    SHA256.HashData(block);
                    channel.Write(block);
                }
            });
}
