using System.Text;
using System.Text.Json;
using FluentAssertions;
using TestHarness.Qemu;
using Xunit;
using static TestHarness.Tests.Qemu.FakeMonitor;

namespace TestHarness.Tests.Qemu;

/// <summary>
/// Random traffic from a seed: events and replies, whole or damaged, cut anywhere. Each call ends with its own reply or with the one reason
/// for which the connection was closed, and nothing hangs.
/// </summary>
public sealed class QmpFuzzTests
{
    private const int Commands = 200;

    private static readonly string[] Snippets =
    [
        "\0",
        "\n",
        "}",
        "{",
        "\"",
        "\\u",
        "[",
        ",",
        "id",
        "error",
        "event",
        "QMP",
        "99999999999999999999",
        "-1",
        "ÿ",
        "\u001b",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Gives_each_command_its_own_reply_however_the_traffic_is_cut(int seed)
    {
        var random = new Random(seed);
        int events = 0,
            sentEvents = 0;
        await using FakeMonitor monitor = await NegotiatedAsync(stream => new QmpClient(stream, _ => events++));
        var calls = new Dictionary<long, Task<JsonElement>>();
        var waiting = new List<long>();
        for (int i = 0; i < Commands; i++)
        {
            Task<JsonElement> call = monitor.Client.ExecuteAsync("query-status", null, Token);
            long id = await monitor.TakeAsync();
            calls.Add(id, call);
            waiting.Add(id);
            while (waiting.Count > 0 && random.Next(3) > 0)
            {
                int which = random.Next(waiting.Count);
                string noise = random.Next(2) == 0 ? "" : Event(random);
                sentEvents += noise.Length == 0 ? 0 : 1;
                await SayInPiecesAsync(monitor, random, Encoding.UTF8.GetBytes($"{noise}{Reply(waiting[which])}"));
                waiting.RemoveAt(which);
            }
        }

        foreach (long id in waiting)
            await monitor.SayAsync(Reply(id));

        foreach ((long id, Task<JsonElement> call) in calls)
            (await call.WaitAsync(Soon, Token)).GetProperty("answer").GetInt64().Should().Be(id);
        events.Should().Be(sentEvents);
    }

    [Theory]
    [InlineData(101)]
    [InlineData(102)]
    [InlineData(103)]
    [InlineData(104)]
    public async Task Ends_each_command_whatever_comes(int seed)
    {
        var random = new Random(seed);
        int broken = 0;
        for (int round = 0; round < 100; round++)
        {
            await using FakeMonitor monitor = await NegotiatedAsync();
            Task<JsonElement>[] calls = [.. Enumerable.Range(0, 5).Select(_ => monitor.Client.ExecuteAsync("query-status", null, Token))];
            foreach (Task<JsonElement> call in calls)
            {
                byte[] message = Encoding.UTF8.GetBytes(random.Next(3) == 0 ? Event(random) : Reply(await monitor.TakeAsync()));
                if (!await TrySayAsync(monitor, random, random.Next(4) == 0 ? Damage(random, message) : message))
                    break;
            }

            monitor.HangUp();
            foreach (Task<JsonElement> call in calls)
                broken += await EndsAsync(call) ? 0 : 1;
            await monitor.Client.Closed.WaitAsync(Soon, Token);
            monitor.Client.Broken.Should().NotBeNull();
        }

        broken.Should().BeInRange(100, 450, "some replies arrive and some connections break, or this tests nothing");
    }

    // True where it has its reply.
    private static async Task<bool> EndsAsync(Task<JsonElement> call)
    {
        try
        {
            await call.WaitAsync(Soon, Token);
            return true;
        }
        catch (QmpRefusedException)
        {
            return true;
        }
        catch (QmpBrokenException e)
        {
            e.Message.Should().StartWith("QEMU's monitor is gone: ").And.NotContainAny("\0", "\u001b");
            return false;
        }
    }

    private static async Task<bool> TrySayAsync(FakeMonitor monitor, Random random, byte[] message)
    {
        try
        {
            await SayInPiecesAsync(monitor, random, message);
            return true;
        }
        catch (IOException)
        {
            // The client has had enough, and closed the connection.
            return false;
        }
    }

    private static async Task SayInPiecesAsync(FakeMonitor monitor, Random random, byte[] bytes)
    {
        for (int sent = 0; sent < bytes.Length; )
        {
            int piece = Math.Min(random.Next(1, 40), bytes.Length - sent);
            await monitor.SayAsync(bytes[sent..(sent + piece)]);
            sent += piece;
        }
    }

    private static byte[] Damage(Random random, byte[] message)
    {
        int at = random.Next(message.Length);
        switch (random.Next(4))
        {
            case 0:
                message[at] = (byte)random.Next(256);
                return message;
            case 1:
                return [.. message[..at], .. message[(at + 1)..]];
            case 2:
                return message[..at];
            default:
                return [.. message[..at], .. Encoding.UTF8.GetBytes(Snippets[random.Next(Snippets.Length)]), .. message[at..]];
        }
    }

    private static string Event(Random random) =>
        $$$"""{"timestamp": {"seconds": {{{random.Next()}}}, "microseconds": 1}, "event": "E{{{random.Next(9)}}}", "data": {"text": "{{{new string('ž', random.Next(60))}}}"}}"""
        + "\r\n";

    private static string Reply(long id) => $$"""{"id": {{id}}, "return": {"answer": {{id}}} }""" + "\r\n";
}
