using System.Globalization;
using System.Security.Cryptography;
using TestHarness.Agents;

namespace TestHarness.Access;

/// <summary>Makes a guest an individual of now: its clock, its random state, its host name, its cards on networks.</summary>
/// <param name="hostname">The host name; <see langword="null"/> leaves the image's.</param>
/// <param name="clock">The time that it begins with; <see langword="null"/> for that of the host.</param>
/// <param name="time">The host's time.</param>
/// <param name="networks">What it is told of its networks: all of it, or the names alone; <see langword="null"/> where it has
/// none.</param>
/// <param name="behind">By how much its time is behind the host's; <see langword="null"/> for not at all.</param>
internal sealed class GuestSettler(
    string? hostname,
    DateTimeOffset? clock,
    TimeProvider time,
    Func<bool, AgentNetworks>? networks = null,
    Func<TimeSpan>? behind = null
)
{
    private const int SeedBytes = 64;
    private const int MostClocks = 5;

    // On a host with more to do than it can, the guest gets the time of now when it is long past. Once its agent is awake, the next one
    // comes sooner.
    private static readonly TimeSpan LongestOnTheWay = TimeSpan.FromSeconds(0.5);

    /// <summary>Happens when the guest goes on though it got its clock late each time; by how much at most.</summary>
    public event Action<TimeSpan>? ClockLate;

    /// <summary>Gives a guest that comes up all of them; returns when it has confirmed that.</summary>
    /// <param name="agent">The guest's agent.</param>
    /// <param name="newMachineId">Whether it is a copy, whose <c>/etc/machine-id</c> is written anew.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="AgentException">The guest refused one of them.</exception>
    public Task SettleAsync(AgentConnection agent, bool newMachineId, CancellationToken cancellationToken) =>
        SettleAsync(
            agent,
            begins: true,
            new AgentSettlement
            {
                HostName = hostname,
                NewMachineId = newMachineId,
                Networks = networks?.Invoke(true),
            },
            cancellationToken
        );

    /// <summary>Tells a guest who else is on its networks by now; returns when it has confirmed that.</summary>
    /// <exception cref="AgentException">The guest refused it.</exception>
    public async Task TellNamesAsync(AgentConnection agent, CancellationToken cancellationToken)
    {
        if (networks is not null)
            Require(
                await agent.SettleAsync(new AgentSettlement { Networks = networks(false) }, cancellationToken).ConfigureAwait(false),
                hostName: null
            );
    }

    /// <summary>
    /// Gives a guest that has stood still its clock, its random state and the names of the others on its networks; returns when it has
    /// confirmed that. A name and addresses that it was given meanwhile stay.
    /// </summary>
    /// <param name="agent">The guest's agent.</param>
    /// <param name="begins">Whether a time that it begins with is set again; it goes on from where it stood still otherwise.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="AgentException">The guest refused one of them.</exception>
    public Task RefreshAsync(AgentConnection agent, bool begins, CancellationToken cancellationToken) =>
        SettleAsync(agent, begins, new AgentSettlement { Networks = networks?.Invoke(false) }, cancellationToken);

    private async Task SettleAsync(AgentConnection agent, bool begins, AgentSettlement asked, CancellationToken cancellationToken)
    {
        byte[] random = RandomNumberGenerator.GetBytes(SeedBytes);
        TimeSpan took = await ConfirmAsync(agent, begins, asked with { Seed = random }, cancellationToken).ConfigureAwait(false);
        for (int clocks = 1; took > LongestOnTheWay && clocks < MostClocks; clocks++)
            took = await ConfirmAsync(agent, begins, new AgentSettlement(), cancellationToken).ConfigureAwait(false);
        if (took > LongestOnTheWay)
            ClockLate?.Invoke(took);
    }

    private string Clock =>
        clock is { } given ? string.Create(CultureInfo.InvariantCulture, $"its clock to {given:O} (MachineSpec.Clock)") : "its clock";

    private async Task<TimeSpan> ConfirmAsync(
        AgentConnection agent,
        bool begins,
        AgentSettlement asked,
        CancellationToken cancellationToken
    )
    {
        long began = time.GetTimestamp();
        DateTimeOffset? now =
            clock is null ? time.GetUtcNow() - (behind?.Invoke() ?? TimeSpan.Zero)
            : begins ? clock
            : null;
        AgentSettled settled = await agent.SettleAsync(asked with { Clock = now }, cancellationToken).ConfigureAwait(false);
        Require(settled, asked.HostName);
        return time.GetElapsedTime(began);
    }

    private void Require(AgentSettled settled, string? hostName)
    {
        if (settled.Succeeded)
            return;
        (string What, int Error)[] refused =
        [
            (Clock, settled.ClockError),
            ("its random state", settled.RandomError),
            ($"its host name '{hostName}'", settled.HostNameError),
            ($"its networks: {settled.Networks}", settled.NetworksError),
        ];
        throw new AgentException(
            settled.ClockError | settled.RandomError | settled.HostNameError | settled.NetworksError,
            "the guest's kernel refused to set "
                + $"{string.Join(" and ", refused.Where(one => one.Error != 0).Select(one => $"{one.What} (errno {one.Error})"))}"
        );
    }
}
