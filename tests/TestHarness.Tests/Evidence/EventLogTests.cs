using System.Text.Json;
using FluentAssertions;
using TestHarness.Evidence;
using TestHarness.Operations;
using Xunit;

namespace TestHarness.Tests.Evidence;

public sealed class EventLogTests
{
    private readonly ManualTime _clock = new();

    [Fact]
    public void Keeps_the_first_and_the_last_entries_and_says_how_many_are_missing()
    {
        var log = new EventLog(_clock);
        for (int i = 0; i < EventLog.First + EventLog.Last + 25; i++)
            log.Add(MachineEventKind.Operation, $"{i}");

        IReadOnlyList<MachineEvent> entries = log.ToList();

        entries.Should().HaveCount(EventLog.First + 1 + EventLog.Last);
        entries[EventLog.First - 1].What.Should().Be("999");
        entries[EventLog.First]
            .Should()
            .Match<MachineEvent>(entry => entry.Kind == MachineEventKind.Dropped && entry.What == "25 entries are left out here");
        entries[EventLog.First + 1].What.Should().Be("1025");
        entries[^1].What.Should().Be("10024");
    }

    [Fact]
    public void Writes_a_json_object_a_line_with_times_from_the_start()
    {
        var log = new EventLog(_clock);
        log.Add(MachineEventKind.Start, "before");
        _clock.Advance(TimeSpan.FromSeconds(5));
        log.Begin();
        _clock.Advance(TimeSpan.FromMilliseconds(12.5));
        log.Add(MachineEventKind.Operation, "the command: echo \"a\nb\" \u001b[31m", TimeSpan.FromMilliseconds(3.25), "ok");

        string[] lines = EventLines.Write(log.ToList()).Split('\n');

        lines.Should().HaveCount(3, "each entry is one line").And.HaveElementAt(2, "");
        lines[1].Should().NotContain("\u001b").And.EndWith("\"durationMs\":3.25,\"outcome\":\"ok\"}");
        using JsonDocument entry = JsonDocument.Parse(lines[1]);
        entry
            .RootElement.GetProperty("time")
            .GetDateTime()
            .Should()
            .Be(new DateTime(2026, 1, 1, 0, 0, 5, DateTimeKind.Utc).AddMilliseconds(12.5));
        entry.RootElement.GetProperty("ms").GetDouble().Should().Be(12.5);
        entry.RootElement.GetProperty("kind").GetString().Should().Be("operation");
        entry.RootElement.GetProperty("what").GetString().Should().Be("the command: echo \"a\nb\" \u001b[31m");
    }

    [Fact]
    public void Cuts_a_text_that_would_fill_the_memory()
    {
        var log = new EventLog(_clock);
        log.Add(MachineEventKind.Operation, new string('x', 100_000));

        log.ToList().Single().What.Should().HaveLength(2_000 + "… (100000 characters)".Length).And.EndWith("… (100000 characters)");
    }
}
