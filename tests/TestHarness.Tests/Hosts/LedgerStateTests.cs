using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

public sealed class LedgerStateTests
{
    private static readonly LedgerBudget Budget = new(1000, 8);

    [Fact]
    public void Keeps_the_share_of_one_that_fits_and_came_earlier()
    {
        var state = new LedgerState(Budget, [Waiting(1, 700)]);
        state.Judge(Wants(400)).IsGranted.Should().BeFalse();
        state.Judge(Wants(300)).Should().BeEquivalentTo(new { IsGranted = true, Passed = Array.Empty<LedgerEntry>() });
        state.Judge(Wants(700), ticket: 1).IsGranted.Should().BeTrue();
    }

    [Fact]
    public void Counts_those_who_pass_one_that_does_not_fit()
    {
        var state = new LedgerState(Budget, [Taken(500), Waiting(1, 600), Waiting(2, 100), Waiting(3, 700)]);
        LedgerVerdict verdict = state.Judge(Wants(400));
        verdict.IsGranted.Should().BeTrue();
        verdict.Passed.Select(entry => (entry.Ticket, entry.Passed)).Should().Equal((1, 1), (3, 1));
    }

    [Fact]
    public void Lets_nobody_pass_one_that_was_passed_often_enough()
    {
        var state = new LedgerState(Budget, [Taken(500), Waiting(1, 600) with { Passed = LedgerState.MostPasses }, Waiting(2, 100)]);
        state.Judge(Wants(100)).IsGranted.Should().BeFalse();
        state.Judge(Wants(100), ticket: 2).IsGranted.Should().BeFalse();
    }

    [Fact]
    public void Takes_the_larger_size_where_two_name_one_template_differently()
    {
        LedgerRequest Clone(int shared) => Wants(100) with { SharedKey = "t", SharedMiB = shared };
        var state = new LedgerState(Budget, [Taken(0) with { Request = Clone(500) }]);
        state.Judge(Clone(400)).Should().BeEquivalentTo(new { WantedMiB = 100, FreeMiB = 400 });
        state.Judge(Clone(600)).WantedMiB.Should().Be(200);
    }

    [Fact]
    public void Numbers_tickets_from_the_last_one()
    {
        new LedgerState(Budget, []).NextTicket.Should().Be(1);
        new LedgerState(Budget, [Waiting(12, 1), Waiting(9, 1)]).NextTicket.Should().Be(13);
    }

    [Fact]
    public void Reads_back_what_it_writes()
    {
        var entry = new LedgerEntry("/x/1.taken", 7, Wants(5) with { Machine = "a\tb\n", SharedKey = "k", SharedMiB = 3 }) { Passed = 2 };
        LedgerEntry.Parse(entry.Path, entry.ToText()).Should().Be(entry with { Request = entry.Request with { Machine = "a b " } });
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"another\": \"version\"}")]
    [InlineData("\t-1\t99999999999\tx")]
    public void Shows_what_it_can_not_read_and_counts_it_as_nothing(string text) =>
        LedgerEntry.Parse("/x/1.taken", text).Request.Should().Match<LedgerRequest>(request => request.MemoryMiB == 0 && request.Cpus == 0);

    private static LedgerRequest Wants(int memoryMiB) => new("m", memoryMiB, 1);

    private static LedgerEntry Taken(int memoryMiB) => new("/x/1.taken", 1, Wants(memoryMiB));

    private static LedgerEntry Waiting(int ticket, int memoryMiB) => new($"/x/{ticket:d12}-1.waiting", 1, Wants(memoryMiB));
}
