using System.Diagnostics;
using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

public sealed class LedgerFailureTests : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    private readonly LedgerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Says_who_holds_what_when_the_limit_runs_out()
    {
        Ledger ledger = _folder.Open(1000, 4);
        using IDisposable held = await LedgerFolder.TakeAsync(ledger, "a", 500, 2);
        (Task<IDisposable> task, string _) = await LedgerFolder.AskAsync(
            ledger,
            new LedgerRequest("b", 600, 1),
            TimeSpan.FromMilliseconds(100)
        );

        (await task.Invoking(wait => wait.WaitAsync(Long)).Should().ThrowAsync<HostNotReadyException>())
            .Which.Message.Should()
            .Be(
                $"""
                Machine 'b' got no share of the host within 0.1 s: memory: 600 MiB wanted, 500 of 1000 MiB free.
                Held by: a (process {Environment.ProcessId}, 500 MiB, 2 vCPUs)
                Try: a smaller MemoryMiB or Cpus in the MachineSpec; dispose machines once they are not needed; run fewer tests at once; or raise TESTHARNESS_MEMORY_MIB (now 1000) and TESTHARNESS_CPUS (now 4) where the host can bear it.
                """
            );
        _folder.Tickets.Should().BeEmpty();
    }

    [Fact]
    public async Task Says_that_the_folder_is_locked_when_it_stays_so()
    {
        using FileLock? stopped = FileLock.TryTake(Path.Combine(_folder.Path, "lock"));
        Func<Task> take = () =>
            _folder
                .Open(1000)
                .TakeAsync(new LedgerRequest("a", 1, 1), TimeSpan.FromMilliseconds(20), null, TestContext.Current.CancellationToken);
        await take.Should()
            .ThrowAsync<HostNotReadyException>()
            .WithMessage($"Machine 'a' got no share*\nWaited for: the lock '{_folder.Path}/lock'*\nTry: *");
    }

    [Theory]
    [InlineData(1001, 1, "Machine 'a' wants 1001 MiB of memory, and all machines together may take 1000.")]
    [InlineData(1, 5, "Machine 'a' wants 5 vCPUs, and all machines together may take 4.")]
    [InlineData(
        1001,
        5,
        "Machine 'a' wants 1001 MiB of memory, and all machines together may take 1000; 5 vCPUs, and all machines together may take 4."
    )]
    public async Task Fails_at_once_when_it_can_never_fit(int memoryMiB, int cpus, string expected)
    {
        Func<Task> take = () => LedgerFolder.TakeAsync(_folder.Open(1000, 4), "a", memoryMiB, cpus);
        (await take.Should().ThrowAsync<HostNotReadyException>()).Which.Summary.Should().Be(expected);
    }

    [Fact]
    public async Task Leaves_nothing_and_lets_the_next_go_on_when_cancelled()
    {
        Ledger ledger = _folder.Open(1000);
        using IDisposable held = await LedgerFolder.TakeAsync(ledger, "held", 400);
        using var cancellation = new CancellationTokenSource();
        (Task<IDisposable> big, string _) = await LedgerFolder.AskAsync(ledger, new LedgerRequest("big", 900, 1), Long, cancellation.Token);
        for (int index = 0; index < LedgerState.MostPasses; index++)
            (await LedgerFolder.TakeAsync(ledger, "small", 100)).Dispose();
        Task<IDisposable> next = await LedgerFolder.QueueAsync(ledger, "next", 500);

        await cancellation.CancelAsync();
        (await big.Invoking(wait => wait.WaitAsync(Long)).Should().ThrowAsync<OperationCanceledException>())
            .Which.CancellationToken.Should()
            .Be(cancellation.Token);
        using IDisposable share = await next.WaitAsync(Long);
        _folder.Tickets.Should().BeEmpty();
        _folder.Shares.Should().HaveCount(2);
    }

    [Fact]
    public async Task Leaves_nothing_when_the_one_that_is_told_throws()
    {
        Ledger ledger = _folder.Open(1000);
        using IDisposable held = await LedgerFolder.TakeAsync(ledger, "held", 1000);
        Func<Task> take = () =>
            ledger.TakeAsync(
                new LedgerRequest("a", 1, 1),
                Long,
                _ => throw new InvalidOperationException(),
                TestContext.Current.CancellationToken
            );
        await take.Should().ThrowAsync<InvalidOperationException>();
        _folder.Tickets.Should().BeEmpty();
    }

    [Fact]
    public async Task Takes_back_the_share_of_a_killed_process()
    {
        using Process holder = await _folder.StartHolderAsync("other.taken", new LedgerRequest("gone", 800, 1));
        (Task<IDisposable> task, string told) = await LedgerFolder.AskAsync(_folder.Open(1000), new LedgerRequest("a", 500, 1), Long);
        told.Should().Be("memory: 500 MiB wanted, 200 of 1000 MiB free; held by gone (process 4711, 800 MiB, 1 vCPU)");

        holder.Kill();
        using IDisposable share = await task.WaitAsync(Long);
        _folder.Shares.Should().ContainSingle().Which.Should().NotEndWith("other.taken");
    }

    [Fact]
    public async Task Does_not_wait_for_the_turn_of_a_killed_process()
    {
        var big = new LedgerRequest("big", 900, 1);
        Ledger ledger = _folder.Open(1000);
        using IDisposable held = await LedgerFolder.TakeAsync(ledger, "held", 400);
        using Process waiting = await _folder.StartHolderAsync("000000000001-other.waiting", big);
        LedgerFile.Rewrite(
            new LedgerEntry(Path.Combine(_folder.Path, "000000000001-other.waiting"), 4711, big) { Passed = LedgerState.MostPasses }
        );
        Task<IDisposable> next = await LedgerFolder.QueueAsync(ledger, "next", 500);

        waiting.Kill();
        (await next.WaitAsync(Long)).Dispose();
        _folder.Tickets.Should().BeEmpty();
    }

    [Fact]
    public async Task Sweeps_what_a_power_cut_left()
    {
        await File.WriteAllTextAsync(
            Path.Combine(_folder.Path, "old.taken"),
            "a\t1\t1000\t1\t0\t\t0\n",
            TestContext.Current.CancellationToken
        );
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "000000000007-old.waiting"), "", TestContext.Current.CancellationToken);
        using IDisposable share = await LedgerFolder.TakeAsync(_folder.Open(1000), "a", 1000);
        Directory.GetFiles(_folder.Path).Should().HaveCount(2);
    }
}
