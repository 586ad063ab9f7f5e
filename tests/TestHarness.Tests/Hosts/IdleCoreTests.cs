using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

public sealed class IdleCoreTests
{
    [Fact]
    public async Task Does_not_come_while_every_core_is_busy()
    {
        using var enough = new CancellationTokenSource();
        Thread[] busy =
        [
            .. Enumerable
                .Range(0, 2 * Environment.ProcessorCount)
                .Select(_ => new Thread(() =>
                {
                    while (!enough.IsCancellationRequested)
                        Thread.SpinWait(1000);
                })),
        ];
        foreach (Thread thread in busy)
            thread.Start();
        try
        {
            Task idle = IdleCore.WaitAsync(TimeProvider.System, enough.Token);

            (await Task.WhenAny(idle, Task.Delay(TimeSpan.FromSeconds(0.5), TestContext.Current.CancellationToken)))
                .Should()
                .NotBeSameAs(idle);
        }
        finally
        {
            await enough.CancelAsync();
            foreach (Thread thread in busy)
                thread.Join();
        }
    }

    [Fact]
    public void Is_counted_by_the_kernel() =>
        IdleCore.ReadIdle().Should().BePositive().And.BeLessThan(TimeSpan.FromMilliseconds(Environment.TickCount64) * 4096);
}
