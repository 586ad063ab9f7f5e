using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

public sealed class LedgerBudgetTests
{
    private const string Gibibytes8 = "MemTotal:        8388608 kB\nMemFree:          100000 kB\nMemAvailable:    2000000 kB\n";

    [Theory]
    [InlineData("", 6553)]
    [InlineData("max\n", 6553)]
    [InlineData("9223372036854771712\n", 6553)]
    [InlineData("1073741824\n", 819)]
    public void Is_most_of_what_the_host_or_its_control_group_has(string limit, int expected) =>
        LedgerBudget.From(Facts with { MemoryLimits = ["max", limit] }).Should().Be(new LedgerBudget(expected, 8));

    [Fact]
    public void Is_what_the_user_says() =>
        LedgerBudget.From(Facts with { MemoryInfo = "", OwnMemoryMiB = "123", OwnCpus = "3" }).Should().Be(new LedgerBudget(123, 3));

    [Theory]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("4G")]
    public void Refuses_a_variable_that_is_no_number(string value)
    {
        Action budget = () => LedgerBudget.From(Facts with { OwnMemoryMiB = value });
        budget.Should().Throw<HostNotReadyException>().WithMessage($"TESTHARNESS_MEMORY_MIB is '{value}', which is not*\nTry: unset*");
    }

    [Fact]
    public void Says_what_to_set_when_the_host_is_silent()
    {
        Action budget = () => LedgerBudget.From(Facts with { MemoryInfo = "MemTotal: lots\n" });
        budget
            .Should()
            .Throw<HostNotReadyException>()
            .WithMessage("*\nFound: /proc/meminfo: MemTotal: lots\nTry: set TESTHARNESS_MEMORY_MIB*");
    }

    [Fact]
    public void Finds_the_budget_of_this_host()
    {
        LedgerBudget budget = LedgerBudget.OfHost();
        budget.MemoryMiB.Should().BePositive();
        budget.Cpus.Should().BePositive();
    }

    private static LedgerHostFacts Facts => new() { MemoryInfo = Gibibytes8, Cores = 2 };
}
