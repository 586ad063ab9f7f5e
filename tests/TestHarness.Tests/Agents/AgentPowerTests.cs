using FluentAssertions;
using TestHarness.Agents;
using Xunit;

namespace TestHarness.Tests.Agents;

public sealed class AgentPowerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(AgentPower.PowerOff, 0, 0)]
    [InlineData(AgentPower.Reboot, 1, 0)]
    [InlineData(AgentPower.PowerOffAtOnce, 0, 1)]
    [InlineData(AgentPower.RebootAtOnce, 1, 1)]
    public async Task Returns_when_the_guest_has_taken_the_request(object action, byte what, byte how)
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task power = guest.Connection.PowerAsync((AgentPower)action, Token);

        (await guest.ReceiveAsync(AgentFrameType.Power, Token)).Payload.Should().Equal(what, how);
        byte[] ping = (await guest.ReceiveAsync(AgentFrameType.Ping, Token)).Payload;
        power.IsCompleted.Should().BeFalse();
        await guest.SendAsync(AgentFrameType.Pong, 0, 0, ping, Token);

        await power;
    }

    [Fact]
    public async Task Returns_when_the_guest_is_gone_before_it_could_answer()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task power = guest.Connection.PowerAsync(AgentPower.PowerOffAtOnce, Token);
        await guest.ReceiveAsync(AgentFrameType.Power, Token);

        await guest.Transport.DisposeAsync();

        await power;
    }

    [Fact]
    public async Task Tells_why_when_the_guest_refuses()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task power = guest.Connection.PowerAsync(AgentPower.Reboot, Token);

        await guest.SendAsync(AgentFrameType.Error, 0, 0, [1, 0, 0, 0, .. "reboot: not permitted"u8], Token);

        (await power.Awaiting(p => p).Should().ThrowAsync<AgentException>())
            .WithMessage("reboot: not permitted")
            .Which.ErrorNumber.Should()
            .Be(1);
        await guest.Connection.HandshakeAsync(Token);
    }
}
