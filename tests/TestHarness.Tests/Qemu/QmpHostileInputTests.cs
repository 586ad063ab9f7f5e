using System.Text;
using System.Text.Json;
using FluentAssertions;
using TestHarness.Qemu;
using Xunit;
using static TestHarness.Tests.Qemu.FakeMonitor;

namespace TestHarness.Tests.Qemu;

/// <summary>
/// Whatever comes instead of QEMU's protocol: one clear reason, at once, for everything that waits, in bounded memory. Alone, because the
/// memory of the whole process is measured.
/// </summary>
[Collection(nameof(QmpHostileInputTests))]
[CollectionDefinition(nameof(QmpHostileInputTests), DisableParallelization = true)]
public sealed class QmpHostileInputTests
{
    private const long MiB = 1024 * 1024;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, byte[], string> Hostile =>
        new()
        {
            { "other protocol", "SSH-2.0-OpenSSH_9.2p1\r\n"u8.ToArray(), "it sent what is not JSON: \"SSH-2.0-OpenSSH_9.2p1\"" },
            { "cut JSON", "{\"return\": {\n"u8.ToArray(), "it sent what is not JSON: *" },
            { "empty line", "\r\n"u8.ToArray(), "it sent what is not JSON: \"\"" },
            { "two objects", "{\"event\": \"A\"}{\"event\": \"B\"}\n"u8.ToArray(), "it sent what is not JSON: *" },
            { "NUL bytes", "{\"event\": \"\0\"}\0\0\n"u8.ToArray(), "it sent what is not JSON: *\\u0000*" },
            { "escape sequences", "\u001b]0;title\u0007\n"u8.ToArray(), "it sent what is not JSON: \"\\u001B]0;title\\u0007\"" },
            { "invalid UTF-8", [.. "{\"event\": \""u8, 0xff, 0xfe, .. "\"}\n"u8], "it sent bytes that are not UTF-8: *" },
            { "half a surrogate pair", "{\"event\": \"\\ud800\"}\n"u8.ToArray(), "it sent what is no message of the protocol: *" },
            { "array", "[1, 2]\n"u8.ToArray(), "it sent something else than a JSON object: \"[1, 2]\"" },
            { "number", "42\n"u8.ToArray(), "it sent something else than a JSON object: \"42\"" },
            {
                "deep nesting",
                Encoding.UTF8.GetBytes($"{string.Concat(Enumerable.Repeat("{\"a\":", 100_000))}1{new string('}', 100_000)}\n"),
                "it sent what is not JSON: *…"
            },
            { "neither event nor reply", "{\"hello\": 1}\n"u8.ToArray(), "it sent what is no message of the protocol: *" },
            { "event of another type", "{\"event\": 7}\n"u8.ToArray(), "it sent what is no message of the protocol: *" },
            { "error of another type", "{\"error\": 7, \"id\": 1}\n"u8.ToArray(), "it sent what is no message of the protocol: *" },
            { "second greeting", Encoding.UTF8.GetBytes(Greeting), "it sent what is no message of the protocol: *" },
            {
                "reply to nobody",
                "{\"return\": {}, \"id\": 4711}\n"u8.ToArray(),
                "it answered a command that was never given (id \"4711\")"
            },
            { "reply with another kind of id", "{\"return\": {}, \"id\": \"x\"}\n"u8.ToArray(), "it *" },
            {
                "error without an id",
                "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Invalid JSON syntax\"}}\n"u8.ToArray(),
                "it did not understand a command: Invalid JSON syntax"
            },
        };

    public static TheoryData<string, string> Greetings =>
        new()
        {
            { "{\"QMP\": {}}", "its greeting names no version of QEMU: *" },
            { "{\"QMP\": {\"version\": \"seven\"}}", "its greeting names no version of QEMU: *" },
            { "{\"QMP\": {\"version\": {\"qemu\": {\"major\": -1, \"minor\": 2}}}}", "its greeting names no version of QEMU: *" },
            { "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 1e99, \"minor\": 2}}}}", "its greeting names no version of QEMU: *" },
            {
                "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 2, \"minor\": 12, \"micro\": 0}}}}",
                "it is QEMU 2.12, and 7.2 or newer is needed"
            },
            { "{\"event\": \"RESET\"}", "it did not greet, but sent *RESET*" },
            { "{\"return\": {}, \"id\": 1}", "it did not greet, but sent *" },
            { "220 mail ESMTP", "it sent what is not JSON: \"220 mail ESMTP\"" },
        };

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task Ends_the_connection_and_all_calls_with_the_reason(string what, byte[] bytes, string reason)
    {
        _ = what;
        await using FakeMonitor monitor = await NegotiatedAsync();
        Task<JsonElement> command = monitor.Client.ExecuteAsync("query-status", null, Token);
        Task<JsonElement> wait = monitor.Client.WaitForEventAsync("NEVER", _ => true, Token);
        await monitor.TakeAsync();

        await monitor.SayAsync(bytes);

        foreach (Task<JsonElement> call in (Task<JsonElement>[])[command, wait])
            (await call.Invoking(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<QmpBrokenException>()).WithMessage(
                $"QEMU's monitor is gone: {reason}"
            );
        await monitor.SeeItCloseAsync();
        monitor.Client.Broken.Should().NotBeNull();
    }

    [Theory]
    [MemberData(nameof(Greetings))]
    public async Task Refuses_what_is_no_greeting_of_a_QEMU_that_is_new_enough(string line, string reason)
    {
        await using FakeMonitor monitor = await CreateAsync();
        Task negotiated = monitor.Client.NegotiateAsync(Token);

        await monitor.SayAsync(line + "\r\n");

        (await negotiated.Invoking(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<QmpBrokenException>()).WithMessage(
            $"QEMU's monitor is gone: {reason}"
        );
    }

    [Fact]
    public async Task Says_so_when_the_connection_ends_within_a_message()
    {
        await using FakeMonitor monitor = await NegotiatedAsync();
        Task<JsonElement> command = monitor.Client.ExecuteAsync("query-status", null, Token);
        await monitor.TakeAsync();

        await monitor.SayAsync("{\"return\": {\"status\": \"run");
        monitor.HangUp();

        (await command.Invoking(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<QmpBrokenException>()).WithMessage(
            "*it closed the connection in the middle of a message: *run*"
        );
    }

    [Fact]
    public async Task Takes_no_more_than_its_bound_of_a_line_that_never_ends()
    {
        await using FakeMonitor monitor = await NegotiatedAsync();
        Task<JsonElement> command = monitor.Client.ExecuteAsync("query-status", null, Token);
        await monitor.TakeAsync();
        byte[] part = Encoding.UTF8.GetBytes(new string('x', (int)MiB));
        long before = GC.GetTotalAllocatedBytes(precise: true);

        int sent = 0;
        try
        {
            for (; sent < 100; sent++)
                await monitor.SayAsync(part);
        }
        catch (IOException)
        {
            // The client has hung up.
        }

        (await command.Invoking(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<QmpBrokenException>()).WithMessage(
            "*it sent a line of more than 1048576 bytes: \"xxx*"
        );
        sent.Should().BeLessThan(20, "nobody reads to the end of 100 MB");
        // Without a bound it would be some 200 MiB.
        (GC.GetTotalAllocatedBytes(precise: true) - before).Should().BeLessThan(80 * MiB);
    }

    [Fact]
    public async Task Keeps_nothing_of_events_and_late_replies_that_nobody_waits_for()
    {
        int count = 0;
        await using FakeMonitor monitor = await NegotiatedAsync(stream => new QmpClient(stream, _ => count++));
        string noise = $"{{\"event\": \"NOISE\", \"data\": {{\"text\": \"{new string('n', 4096)}\"}}}}\n";
        byte[] events = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(noise, 16)));
        await ThrongAsync(monitor, events, rounds: 4);
        long before = GC.GetTotalMemory(forceFullCollection: true);

        // 64 MiB of events, and a reply to a command that was answered long ago after each block of them.
        await ThrongAsync(monitor, [.. events, .. "{\"return\": {}, \"id\": 1}\n"u8], rounds: 1024);

        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(16 * MiB);
        count.Should().Be(16 * 1028);
    }

    private static async Task ThrongAsync(FakeMonitor monitor, byte[] block, int rounds)
    {
        for (int round = 0; round < rounds; round++)
            await monitor.SayAsync(block);
        Task<JsonElement> last = monitor.Client.ExecuteAsync("query-status", null, Token);
        await monitor.AnswerAsync(await monitor.TakeAsync());
        await last.WaitAsync(Soon, Token);
    }
}
