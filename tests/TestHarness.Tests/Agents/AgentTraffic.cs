using System.Net.Sockets;
using System.Text;
using TestHarness.Agents;

namespace TestHarness.Tests.Agents;

/// <summary>
/// Bulk streams beside short commands, of which every byte is known, for a host that reads when chance wants it and keeps one stream's
/// window near its end.
/// </summary>
internal sealed class AgentTraffic(NetworkStream transport, int seed)
{
    private const int MostAtOnce = 100;

    private static readonly int[] Portions = [3000, 9000, 33000, 90000];
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly Random _random = new(seed);
    private readonly List<RawStream> _short = [];

    /// <summary>Gets how many short commands have ended, with all their bytes right.</summary>
    public long Commands { get; private set; }

    /// <summary>Gets how many bytes of the bulk streams have come, all of them right.</summary>
    public long BulkBytes { get; private set; }

    /// <summary>Works until it is enough; throws at the first frame or byte that is wrong.</summary>
    public async Task RunAsync(Func<AgentTraffic, bool> isEnough, CancellationToken cancellationToken)
    {
        string echo = await HostCompiler.Echo;
        await using RawHost host = await RawHost.ConnectAsync(transport, cancellationToken);
        RawStream[] bulk =
        [
            .. Enumerable.Range(0, 3).Select(i => host.Run([.. Line(i), (byte)'\n'], null, "yes", new string((char)('A' + i), 59))),
        ];
        while (!isEnough(this))
        {
            while (_short.Count < MostAtOnce)
                _short.Add(
                    Echo(host, echo, $"{Commands + _short.Count}:{new string((char)_random.Next('a', 'z' + 1), _random.Next(90, 1090))}")
                );
            await ReadSomeAsync(host, cancellationToken);
            for (int i = 0; i < bulk.Length; i++)
                GiveWindow(host, bulk[i], isScarce: i == 0);
            Commands += _short.RemoveAll(one => one.HasEnded);
            BulkBytes = bulk.Sum(one => one.Seen);
        }

        foreach (RawStream one in bulk)
            host.Kill(one);
        await host.ReadUntilAsync(() => bulk.Concat(_short).All(one => one.HasEnded), cancellationToken)
            .WaitAsync(Limit, cancellationToken);
        Commands += _short.Count;
    }

    private static RawStream Echo(RawHost host, string program, string text) =>
        host.Run(Encoding.ASCII.GetBytes(text), text.Length, program, text);

    private static byte[] Line(int i) => [.. Enumerable.Repeat((byte)('A' + i), 59)];

    private async Task ReadSomeAsync(RawHost host, CancellationToken cancellationToken)
    {
        await Task.Delay(_random.Next(4), cancellationToken);
        int left = Portions[_random.Next(Portions.Length)];
        do left -= await host.ReadAsync(Math.Min(left, AgentProtocol.MaxPayload), cancellationToken).WaitAsync(Limit, cancellationToken);
        while (left > 0 && host.Waiting > 0);
    }

    private void GiveWindow(RawHost host, RawStream stream, bool isScarce)
    {
        if (isScarce && stream.Window < 500)
            host.GiveWindow(stream, _random.Next(1, 1200));
        else if (!isScarce && stream.Window < AgentProtocol.Window - AgentProtocol.WindowStep)
            host.GiveWindow(stream, AgentProtocol.Window - stream.Window);
    }
}
