using System.Text;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;

namespace TestHarness.Tests.Agents;

public sealed class OutputCollectorTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ends_with_its_token_and_tells_what_came_while_the_receiver_of_lines_blocks()
    {
        using var open = new ManualResetEventSlim();
        using var limit = new CancellationTokenSource();
        var called = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var collector = new OutputCollector(receive: _ =>
        {
            called.TrySetResult();
            open.Wait();
        });
        try
        {
            Task collecting = Task.Run(
                () => collector.CollectAsync(new MemoryStream(Encoding.UTF8.GetBytes("one\ntwo\n")), Stream.Null, limit.Token),
                Token
            );
            await called.Task.WaitAsync(Bound, Token);
            (await Task.Run(() => collector.Describe(), Token).WaitAsync(Bound, Token)).Should().Be("one\ntwo");

            await limit.CancelAsync();

            await collecting.Awaiting(it => it.WaitAsync(Bound, Token)).Should().ThrowAsync<OperationCanceledException>();
        }
        finally
        {
            open.Set();
        }
    }
}
