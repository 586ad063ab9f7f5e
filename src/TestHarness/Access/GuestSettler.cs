using System.Globalization;
using System.Security.Cryptography;
using TestHarness.Agents;

namespace TestHarness.Access;

/// <summary>Makes a guest an individual of now: its clock, its random state, its host name.</summary>
/// <param name="hostname">The host name; <see langword="null"/> leaves the image's.</param>
/// <param name="clock">The time that it begins with; <see langword="null"/> for that of the host.</param>
/// <param name="time">The host's time.</param>
internal sealed class GuestSettler(string? hostname, DateTimeOffset? clock, TimeProvider time)
{
    private const int SeedBytes = 64;
    private const int MostClocks = 5;

    // On a host with more to do than it can, the guest gets the time of now when it is long past. Once its agent is awake, the next one
    // comes sooner.
    private static readonly TimeSpan LongestOnTheWay = TimeSpan.FromSeconds(0.5);

    /// <summary>Happens when the guest goes on though it got its clock late each time; by how much at most.</summary>
    public event Action<TimeSpan>? ClockLate;

    /// <summary>Returns when the guest has confirmed that it has them.</summary>
    /// <param name="agent">The guest's agent.</param>
    /// <param name="newMachineId">Whether it is a copy, whose <c>/etc/machine-id</c> is written anew.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="AgentException">The guest refused one of them.</exception>
    public async Task SettleAsync(AgentConnection agent, bool newMachineId, CancellationToken cancellationToken)
    {
        TimeSpan took = await ConfirmAsync(agent, RandomNumberGenerator.GetBytes(SeedBytes), hostname, newMachineId, cancellationToken)
            .ConfigureAwait(false);
        for (int clocks = 1; took > LongestOnTheWay && clocks < MostClocks; clocks++)
            took = await ConfirmAsync(agent, seed: [], hostName: null, newMachineId: false, cancellationToken).ConfigureAwait(false);
        if (took > LongestOnTheWay)
            ClockLate?.Invoke(took);
    }

    private string Clock =>
        clock is { } given ? string.Create(CultureInfo.InvariantCulture, $"its clock to {given:O} (MachineSpec.Clock)") : "its clock";

    private async Task<TimeSpan> ConfirmAsync(
        AgentConnection agent,
        byte[] seed,
        string? hostName,
        bool newMachineId,
        CancellationToken cancellationToken
    )
    {
        long asked = time.GetTimestamp();
        AgentSettled settled = await agent
            .SettleAsync(clock ?? time.GetUtcNow(), seed, hostName, newMachineId, cancellationToken)
            .ConfigureAwait(false);
        if (!settled.Succeeded)
        {
            (string What, int Error)[] refused =
            [
                (Clock, settled.ClockError),
                ("its random state", settled.RandomError),
                ($"its host name '{hostName}'", settled.HostNameError),
            ];
            throw new AgentException(
                settled.ClockError | settled.RandomError | settled.HostNameError,
                "the guest's kernel refused to set "
                    + $"{string.Join(" and ", refused.Where(one => one.Error != 0).Select(one => $"{one.What} (errno {one.Error})"))}"
            );
        }

        return time.GetElapsedTime(asked);
    }
}
