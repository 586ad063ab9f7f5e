using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

/// <summary>Machines whose end waits until their test's result is known.</summary>
public sealed class DelayedEndsTests
{
    private readonly List<int> _ended = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Are_four_at_most_and_the_oldest_goes_first()
    {
        var ends = new DelayedEnds(() => false, TimeProvider.System);

        for (int number = 1; number <= 6; number++)
            await AddAsync(ends, number);

        _ended.Should().Equal(1, 2);
    }

    [Fact]
    public async Task Are_over_at_once_when_somebody_waits_for_room()
    {
        bool wanted = false;
        var both = new TaskCompletionSource();
        var ends = new DelayedEnds(() => Volatile.Read(ref wanted), TimeProvider.System);
        await AddAsync(ends, 1);
        await ends.AddAsync(2, () =>
        {
            both.SetResult();
            throw new InvalidOperationException("it could not be ended");
        });
        _ended.Should().BeEmpty("nobody waits");

        Volatile.Write(ref wanted, true);

        await both.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);
        _ended.Should().Equal(1);
    }

    [Fact]
    public async Task Go_on_where_one_is_looked_at()
    {
        object held = new();
        var ends = new DelayedEnds(() => false, TimeProvider.System);
        await ends.AddAsync(held, () => throw new InvalidOperationException("it is held"));
        ends.Remove(held);

        for (int number = 1; number <= 4; number++)
            await AddAsync(ends, number);

        _ended.Should().BeEmpty();
    }

    [Fact]
    public async Task The_ledger_says_whether_somebody_waits()
    {
        string folder = Directory.CreateTempSubdirectory("testharness-ledger-").FullName;
        try
        {
            var ledger = new Ledger(Path.Combine(folder, "ledger"), new LedgerBudget(1000, 4));
            ledger.IsWaitedFor.Should().BeFalse("there is not even a folder");
            IDisposable first = await ledger.TakeAsync(new LedgerRequest("a", 800, 1), TimeSpan.FromSeconds(10), null, Token);
            ledger.IsWaitedFor.Should().BeFalse();
            var waits = new TaskCompletionSource();
            Task<IDisposable> second = ledger.TakeAsync(
                new LedgerRequest("b", 800, 1),
                TimeSpan.FromSeconds(60),
                _ => waits.SetResult(),
                Token
            );
            await waits.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);

            ledger.IsWaitedFor.Should().BeTrue();

            first.Dispose();
            (await second).Dispose();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private Task AddAsync(DelayedEnds ends, int number) =>
        ends.AddAsync(number.ToString(System.Globalization.CultureInfo.InvariantCulture), () =>
        {
            _ended.Add(number);
            return Task.CompletedTask;
        });
}
