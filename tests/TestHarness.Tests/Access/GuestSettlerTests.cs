using System.Buffers.Binary;
using FluentAssertions;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Tests.Agents;
using Xunit;

namespace TestHarness.Tests.Access;

/// <summary>A host that has more to do than it can, and hands the clock over late.</summary>
[Fault(
    "A busy host hands the clock over late, five times.",
    "The start goes on. The timeline says by how much the guest's clock may be behind."
)]
public sealed class GuestSettlerTests
{
    private readonly ManualTime _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(new[] { 0.4 }, null)]
    [InlineData(new[] { 7, 0.6, 0.1 }, null)]
    [InlineData(new[] { 0.6, 0.7, 0.8, 0.9, 1.2 }, 1.2)]
    public async Task Gives_the_clock_of_now_again_where_it_came_late_and_says_where_it_stays_late(double[] secondsOnTheWay, double? said)
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        var settler = new GuestSettler("name", clock: null, _time);
        TimeSpan? late = null;
        settler.ClockLate += by => late = by;

        Task settled = settler.SettleAsync(guest.Connection, newMachineId: true, Token);
        foreach (double seconds in secondsOnTheWay)
            await ConfirmAsync(guest, TimeSpan.FromSeconds(seconds));

        await settled.WaitAsync(TimeSpan.FromSeconds(10), Token);
        (late?.TotalSeconds).Should().Be(said);
    }

    private async Task ConfirmAsync(FakeGuest guest, TimeSpan onTheWay)
    {
        (_, byte[] asked) = await guest.ReceiveAsync(AgentFrameType.Settle, Token);
        long nanoseconds = BinaryPrimitives.ReadInt64LittleEndian(asked.AsSpan(8));
        DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / TimeSpan.NanosecondsPerTick).Should().Be(_time.GetUtcNow());
        _time.Advance(onTheWay);
        await guest.SendAsync(AgentFrameType.Settled, 0, 0, [.. asked[..4], .. new byte[24]], Token);
    }
}
