using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

public sealed class LedgerTests : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    private readonly LedgerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Gives_shares_while_they_fit_and_leaves_nothing_of_them()
    {
        Ledger ledger = _folder.Open(1000);
        string? told = null;
        var request = new LedgerRequest("a", 500, 1);
        IDisposable first = await ledger.TakeAsync(request, Long, text => told = text, TestContext.Current.CancellationToken);
        IDisposable second = await LedgerFolder.TakeAsync(_folder.Open(1000), "b", 500);

        told.Should().BeNull();
        _folder.Shares.Should().HaveCount(2);
        Directory
            .GetFiles(_folder.Path)
            .Should()
            .OnlyContain(file => File.GetUnixFileMode(file) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
        first.Dispose();
        second.Dispose();
        second.Dispose();
        Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Should().Equal("lock");
    }

    [Fact]
    public async Task Makes_its_folder_for_its_user_only()
    {
        string path = Path.Combine(_folder.Path, "new");
        using IDisposable share = await LedgerFolder.TakeAsync(new Ledger(path, new LedgerBudget(1000, 1)), "a", 1);
        File.GetUnixFileMode(path).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    [Theory]
    [InlineData(1000, 8, "memory: 600 MiB wanted, 500 of 1000 MiB free; held by a (process {0}, 500 MiB, 1 vCPU)")]
    [InlineData(2000, 2, "vCPUs: 2 wanted, 1 of 2 free; held by a (process {0}, 500 MiB, 1 vCPU)")]
    [InlineData(
        1000,
        2,
        "memory: 600 MiB wanted, 500 of 1000 MiB free; vCPUs: 2 wanted, 1 of 2 free; held by a (process {0}, 500 MiB, 1 vCPU)"
    )]
    public async Task Waits_tells_for_whom_and_wakes_on_release(int memoryMiB, int cpus, string expected)
    {
        IDisposable held = await LedgerFolder.TakeAsync(_folder.Open(memoryMiB, cpus), "a", 500);
        (Task<IDisposable> task, string told) = await LedgerFolder.AskAsync(
            _folder.Open(memoryMiB, cpus),
            new LedgerRequest("b", 600, 2),
            Long
        );

        told.Should().Be(string.Format(null, expected, Environment.ProcessId));
        task.IsCompleted.Should().BeFalse();
        _folder.Tickets.Should().ContainSingle();
        held.Dispose();
        using IDisposable share = await task.WaitAsync(Long);
        _folder.Tickets.Should().BeEmpty();
        _folder.Shares.Should().ContainSingle();
    }

    [Fact]
    public async Task Gives_in_order_of_arrival_across_processes()
    {
        IDisposable held = await LedgerFolder.TakeAsync(_folder.Open(1000), "held", 1000);
        var order = new List<int>();
        var waits = new List<Task>();
        for (int index = 0; index < 6; index++)
            waits.Add(NoteAsync(index, await LedgerFolder.QueueAsync(_folder.Open(1000), $"m{index}", 1000)));

        held.Dispose();
        await Task.WhenAll(waits).WaitAsync(Long);
        order.Should().Equal(0, 1, 2, 3, 4, 5);

        async Task NoteAsync(int index, Task<IDisposable> task)
        {
            using IDisposable share = await task;
            order.Add(index);
        }
    }

    [Fact]
    public async Task Lets_few_pass_one_that_wants_much()
    {
        Ledger ledger = _folder.Open(1000);
        IDisposable held = await LedgerFolder.TakeAsync(ledger, "held", 400);
        Task<IDisposable> big = await LedgerFolder.QueueAsync(_folder.Open(1000), "big", 900);
        for (int index = 0; index < LedgerState.MostPasses; index++)
            (await LedgerFolder.TakeAsync(ledger, "small", 100)).Dispose();

        (Task<IDisposable> late, string told) = await LedgerFolder.AskAsync(ledger, new LedgerRequest("late", 200, 1), Long);
        told.Should().StartWith("memory: 200 MiB wanted, 600 of 1000 MiB free; held by held (").And.Contain("; first come big (");
        held.Dispose();
        IDisposable share = await big.WaitAsync(Long);
        late.IsCompleted.Should().BeFalse();
        share.Dispose();
        (await late.WaitAsync(Long)).Dispose();
    }

    [Fact]
    public async Task Counts_a_shared_template_once()
    {
        Ledger ledger = _folder.Open(1000);
        LedgerRequest Clone(string name, string key) => new(name, 100, 1) { SharedKey = key, SharedMiB = 500 };
        using IDisposable first = await ledger.TakeAsync(Clone("a", "template"), Long, null, TestContext.Current.CancellationToken);
        using IDisposable second = await ledger.TakeAsync(Clone("b", "template"), Long, null, TestContext.Current.CancellationToken);

        (Task<IDisposable> other, string told) = await LedgerFolder.AskAsync(ledger, Clone("c", "other"), Long);
        told.Should().StartWith("memory: 600 MiB wanted, 300 of 1000 MiB free; held by ").And.EndWith(", and 500 MiB of templates");
        first.Dispose();
        using IDisposable third = await ledger.TakeAsync(Clone("d", "template"), Long, null, TestContext.Current.CancellationToken);
        other.IsCompleted.Should().BeFalse();
        third.Dispose();
        second.Dispose();
        (await other.WaitAsync(Long)).Dispose();
    }

    [Fact]
    public async Task Never_exceeds_the_budget_with_50_takes_in_parallel()
    {
        Ledger[] ledgers = [_folder.Open(1000, 8), _folder.Open(1000, 8), _folder.Open(1000, 8)];
        var gate = new Lock();
        (int memory, int cpus, int most) = (0, 0, 0);
        await Task.WhenAll(Enumerable.Range(0, 50).Select(index => Task.Run(() => UseAsync(index)))).WaitAsync(Long);

        most.Should().BeInRange(1, 1000);
        (memory, cpus).Should().Be((0, 0));
        Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Should().Equal("lock");

        async Task UseAsync(int index)
        {
            (int wanted, int wantedCpus) = (50 + (index * 37 % 500), 1 + (index % 4));
            using IDisposable share = await LedgerFolder.TakeAsync(ledgers[index % 3], $"m{index}", wanted, wantedCpus);
            lock (gate)
            {
                (memory, cpus) = (memory + wanted, cpus + wantedCpus);
                most = Math.Max(most, memory);
                memory.Should().BeLessThanOrEqualTo(1000);
                cpus.Should().BeLessThanOrEqualTo(8);
            }

            await Task.Yield();
            lock (gate)
                (memory, cpus) = (memory - wanted, cpus - wantedCpus);
        }
    }
}
