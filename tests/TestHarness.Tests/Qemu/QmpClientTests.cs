using System.Text;
using System.Text.Json;
using FluentAssertions;
using TestHarness.Qemu;
using Xunit;
using static TestHarness.Tests.Qemu.FakeMonitor;

namespace TestHarness.Tests.Qemu;

public sealed class QmpClientTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(200);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Matches_replies_to_commands_by_their_ids()
    {
        await using FakeMonitor monitor = await NegotiatedAsync();
        Task<JsonElement> first = monitor.Client.ExecuteAsync("first", null, Token),
            second = monitor.Client.ExecuteAsync("second", null, Token);
        long[] ids = [await monitor.TakeAsync(), await monitor.TakeAsync()];

        await monitor.AnswerAsync(ids[1], "\"two\"");
        await monitor.AnswerAsync(ids[0], "\"one\"");

        (await first.WaitAsync(Soon, Token)).GetString().Should().Be("one");
        (await second.WaitAsync(Soon, Token)).GetString().Should().Be("two");
    }

    [Fact]
    public async Task Tells_QEMUs_words_when_it_refuses()
    {
        await using FakeMonitor monitor = await NegotiatedAsync();
        Task<JsonElement> refused = monitor.Client.ExecuteAsync("eject", null, Token);

        await monitor.SayAsync(
            $$"""{"error": {"class": "GenericError", "desc": "Device 'x' is locked"}, "id": {{await monitor.TakeAsync()}}}""" + "\r\n"
        );

        (await refused.Invoking(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<QmpRefusedException>()).WithMessage(
            "Device 'x' is locked"
        );
        await AnswersAsync(monitor);
    }

    [Fact]
    public async Task Reads_messages_that_come_byte_by_byte()
    {
        await using FakeMonitor monitor = await NegotiatedAsync();
        Task<JsonElement> reply = monitor.Client.ExecuteAsync("query-name", null, Token);

        foreach (byte one in Encoding.UTF8.GetBytes($"{{\"return\": \"žluťoučký 🐴\", \"id\": {await monitor.TakeAsync()}}}\r\n"))
            await monitor.SayAsync([one]);

        (await reply.WaitAsync(Soon, Token)).GetString().Should().Be("žluťoučký 🐴");
    }

    [Fact]
    public async Task Leaves_other_commands_alone_when_one_is_cancelled()
    {
        await using FakeMonitor monitor = await NegotiatedAsync();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Task<JsonElement> cancelled = monitor.Client.ExecuteAsync("first", null, cancel.Token),
            other = monitor.Client.ExecuteAsync("second", null, Token);
        long[] ids = [await monitor.TakeAsync(), await monitor.TakeAsync()];

        await cancel.CancelAsync();
        (await cancelled.Invoking(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<OperationCanceledException>())
            .Which.CancellationToken.Should()
            .Be(cancel.Token);
        // Its reply comes too late, and is nobody's.
        await monitor.AnswerAsync(ids[0]);
        await monitor.AnswerAsync(ids[1], "2");

        (await other.WaitAsync(Soon, Token)).GetInt32().Should().Be(2);
        await AnswersAsync(monitor);
    }

    [Fact]
    public async Task Gives_up_on_a_command_that_is_not_answered()
    {
        await using FakeMonitor monitor = await NegotiatedAsync(stream => new QmpClient(stream, _ => { }) { CommandLimit = Short });
        Task<JsonElement> unanswered = monitor.Client.ExecuteAsync("query-status", null, Token);
        long id = await monitor.TakeAsync();

        (await unanswered.Invoking(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<QmpTimeoutException>()).WithMessage(
            "QEMU did not answer 'query-status' within 0.2 s"
        );

        await monitor.AnswerAsync(id);
        monitor.Client.Broken.Should().BeNull();
    }

    [Fact]
    public async Task Waits_longer_for_a_job_that_QEMU_answers_when_it_is_done()
    {
        await using FakeMonitor monitor = await NegotiatedAsync(stream => new QmpClient(stream, _ => { }) { CommandLimit = Short });
        Task job = monitor.Client.RunJobAsync("snapshot-load", [], Token);
        long load = await monitor.TakeAsync();

        await monitor.Awaiting(it => it.Client.ExecuteAsync("query-status", null, Token)).Should().ThrowAsync<QmpTimeoutException>();
        await monitor.TakeAsync();
        job.IsCompleted.Should().BeFalse();

        await monitor.SayAsync("{\"event\": \"JOB_STATUS_CHANGE\", \"data\": {\"id\": \"job2\", \"status\": \"concluded\"}}\n");
        await monitor.AnswerAsync(load);
        await monitor.AnswerAsync(await monitor.TakeAsync(), "[{\"id\": \"job2\"}]");
        await monitor.AnswerAsync(await monitor.TakeAsync());
        await job.WaitAsync(Soon, Token);
    }

    [Fact]
    public async Task Gives_up_on_commands_that_nobody_takes()
    {
        await using FakeMonitor monitor = await NegotiatedAsync(stream => new QmpClient(stream, _ => { }) { CommandLimit = Short });
        // More than the socket's buffers hold.
        string large = new('x', 4 * 1024 * 1024);

        Task<JsonElement>[] calls =
        [
            .. Enumerable.Range(0, 3).Select(_ => monitor.Client.ExecuteHumanAsync(large, Token)).Select(AsElementAsync),
        ];

        foreach (Task<JsonElement> call in calls)
            await call.Invoking(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<QmpTimeoutException>();
        await monitor.Client.DisposeAsync().AsTask().WaitAsync(Soon, Token);
    }

    [Fact]
    public async Task Gives_up_on_a_greeting_that_does_not_come()
    {
        await using FakeMonitor monitor = await CreateAsync(stream => new QmpClient(stream, _ => { }) { GreetingLimit = Short });

        (
            await monitor.Invoking(it => it.Client.NegotiateAsync(Token).WaitAsync(Soon, Token)).Should().ThrowAsync<QmpTimeoutException>()
        ).WithMessage("QEMU's monitor did not greet within 0.2 s");
    }

    [Fact]
    public async Task Hands_events_on_and_ends_the_waits_for_them()
    {
        var seen = new List<string>();
        await using FakeMonitor monitor = await NegotiatedAsync(stream => new QmpClient(stream, happened => seen.Add(happened.Name)));
        Task<JsonElement> wait = monitor.Client.WaitForEventAsync("RESET", data => data.GetProperty("guest").GetBoolean(), Token);

        await monitor.SayAsync(
            "{\"event\": \"STOP\"}\n{\"event\": \"RESET\", \"data\": {\"guest\": false}}\n{\"event\": \"RESET\", \"data\": "
                + "{\"guest\": true, \"n\": 3}}\n"
        );

        (await wait.WaitAsync(Soon, Token)).GetProperty("n").GetInt32().Should().Be(3);
        await AnswersAsync(monitor);
        seen.Should().Equal("STOP", "RESET", "RESET");
    }

    [Fact]
    public async Task Gives_up_on_an_event_that_does_not_come()
    {
        await using FakeMonitor monitor = await NegotiatedAsync(stream => new QmpClient(stream, _ => { }) { LongLimit = Short });

        (
            await monitor
                .Invoking(it => it.Client.WaitForEventAsync("RESET", _ => true, Token).WaitAsync(Soon, Token))
                .Should()
                .ThrowAsync<QmpTimeoutException>()
        ).WithMessage("QEMU did not tell RESET within 0.2 s");
    }

    [Fact]
    public async Task Ends_only_the_wait_whose_condition_fails_on_an_event()
    {
        await using FakeMonitor monitor = await NegotiatedAsync();
        Task<JsonElement> odd = monitor.Client.WaitForEventAsync("RESET", data => data.GetProperty("missing").GetBoolean(), Token);
        Task<JsonElement> other = monitor.Client.WaitForEventAsync("RESET", _ => true, Token);

        await monitor.SayAsync("{\"event\": \"RESET\", \"data\": {}}\n");

        await odd.Invoking(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<KeyNotFoundException>();
        await other.WaitAsync(Soon, Token);
        await AnswersAsync(monitor);
    }

    [Fact]
    public async Task Fails_all_calls_with_the_reason_when_an_event_can_not_be_handled()
    {
        await using FakeMonitor monitor = await NegotiatedAsync(stream => new QmpClient(stream, _ =>
            throw new FormatException("no such reason")
        ));
        Task<JsonElement> command = monitor.Client.ExecuteAsync("query-status", null, Token);

        await monitor.SayAsync("{\"event\": \"SHUTDOWN\"}\n");

        (await command.Invoking(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<QmpBrokenException>()).WithMessage(
            "QEMU's monitor is gone: its event SHUTDOWN could not be handled: no such reason"
        );
    }

    [Fact]
    public async Task Can_be_disposed_by_the_receiver_of_an_event()
    {
        QmpClient? client = null;
        var disposed = new TaskCompletionSource();
        await using FakeMonitor monitor = await NegotiatedAsync(stream => client = new QmpClient(stream, _ =>
            {
                client!.DisposeAsync().AsTask().Wait(Token);
                disposed.SetResult();
            }));

        await monitor.SayAsync("{\"event\": \"SHUTDOWN\"}\n");

        await disposed.Task.WaitAsync(Soon, Token);
        await monitor.Client.Closed.WaitAsync(Soon, Token);
    }

    [Fact]
    public async Task Fails_everything_at_once_when_the_connection_is_lost()
    {
        await using FakeMonitor monitor = await NegotiatedAsync();
        Task<JsonElement>[] calls =
        [
            monitor.Client.ExecuteAsync("first", null, Token),
            monitor.Client.ExecuteAsync("second", null, Token),
            monitor.Client.WaitForEventAsync("RESET", _ => true, Token),
        ];
        await monitor.TakeAsync();

        monitor.HangUp();

        foreach (Task<JsonElement> call in calls)
            (
                await call.Invoking(task => task.WaitAsync(TimeSpan.FromSeconds(2), Token)).Should().ThrowAsync<QmpBrokenException>()
            ).WithMessage("QEMU's monitor is gone: *");
        await monitor.Client.Invoking(client => client.ExecuteAsync("later", null, Token)).Should().ThrowAsync<QmpBrokenException>();
        await monitor
            .Client.Invoking(client => client.WaitForEventAsync("LATER", _ => true, Token))
            .Should()
            .ThrowAsync<QmpBrokenException>();
    }

    [Fact]
    public async Task Hands_the_last_events_on_before_it_tells_that_the_connection_is_gone()
    {
        var seen = new List<string>();
        await using FakeMonitor monitor = await NegotiatedAsync(stream => new QmpClient(stream, happened => seen.Add(happened.Name)));

        await monitor.SayAsync("{\"event\": \"SHUTDOWN\"}\n");
        monitor.HangUp();
        await monitor.Client.Invoking(client => client.ExecuteAsync("late", null, Token)).Should().ThrowAsync<QmpBrokenException>();

        await monitor.Client.Closed.WaitAsync(Soon, Token);
        seen.Should().Equal("SHUTDOWN");
    }

    private static async Task<JsonElement> AsElementAsync(Task<string> text)
    {
        await text;
        return default;
    }

    private static async Task AnswersAsync(FakeMonitor monitor)
    {
        Task<JsonElement> reply = monitor.Client.ExecuteAsync("query-status", null, Token);
        await monitor.AnswerAsync(await monitor.TakeAsync(), "42");
        (await reply.WaitAsync(Soon, Token)).GetInt32().Should().Be(42);
    }
}
