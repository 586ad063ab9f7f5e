using System.Diagnostics;
using FluentAssertions;
using FluentAssertions.Execution;
using FluentAssertions.Primitives;
using TestHarness.Networks;

namespace TestHarness.FluentAssertions;

/// <summary>Assertions on a network of a cluster.</summary>
/// <param name="network">The network.</param>
[StackTraceHidden]
public sealed class ClusterNetworkAssertions(ClusterNetwork network)
    : ReferenceTypeAssertions<ClusterNetwork, ClusterNetworkAssertions>(network)
{
    private const int MostShown = 5;

    /// <inheritdoc/>
    protected override string Identifier => "network";

    /// <summary>
    /// Asserts that a packet is among those that the network keeps by now (<see cref="NetworkSpec.CaptureMiB"/>), also if it was lost on
    /// its way. To wait for one there is <see cref="ClusterNetwork.WaitForPacketAsync"/>.
    /// </summary>
    /// <param name="match">Which packet.</param>
    /// <param name="because">Why, as a phrase.</param>
    /// <param name="becauseArgs">Values for the phrase.</param>
    /// <returns>The oldest such packet, and the assertions, to go on.</returns>
    /// <exception cref="ArgumentException">No packet can be so, or a machine is not on the network.</exception>
    /// <exception cref="InvalidOperationException">The network keeps none.</exception>
    public AndWhichConstraint<ClusterNetworkAssertions, CapturedPacket> HaveSeen(
        PacketMatch match,
        string because = "",
        params object[] becauseArgs
    )
    {
        CapturedPacket? found = Subject.FindPackets(match).FirstOrDefault();
        if (found is null)
        {
            var counts = new PacketCounts();
            foreach (CapturedPacket packet in Subject.FindPackets(new PacketMatch()))
                counts.Add(packet);
            Fail("", match, $"it keeps none such of\n{counts}", because, becauseArgs);
        }

        return new AndWhichConstraint<ClusterNetworkAssertions, CapturedPacket>(this, found!);
    }

    /// <summary>
    /// Asserts that no such packet is among those that the network keeps by now (<see cref="NetworkSpec.CaptureMiB"/>), not even one that
    /// was lost on its way.
    /// </summary>
    /// <param name="match">Which packet.</param>
    /// <param name="because">Why, as a phrase.</param>
    /// <param name="becauseArgs">Values for the phrase.</param>
    /// <returns>The assertions, to go on.</returns>
    /// <exception cref="ArgumentException">No packet can be so, or a machine is not on the network.</exception>
    /// <exception cref="InvalidOperationException">The network keeps none.</exception>
    public AndConstraint<ClusterNetworkAssertions> NotHaveSeen(PacketMatch match, string because = "", params object[] becauseArgs)
    {
        CapturedPacket[] found = [.. Subject.FindPackets(match).Take(MostShown + 1)];
        if (found.Length > 0)
            Fail(
                "not ",
                match,
                $"it has:\n{string.Join('\n', found.Take(MostShown))}{(found.Length > MostShown ? "\nand more" : "")}",
                because,
                becauseArgs
            );
        return new AndConstraint<ClusterNetworkAssertions>(this);
    }

    private void Fail(string not, PacketMatch match, string instead, string because, object[] becauseArgs) =>
        Execute
            .Assertion.BecauseOf(because, becauseArgs)
            .FailWith(
                $"Expected network '{Subject.Name}' {not}to have seen {MessageText.Literal($"{match}")}{{reason}}, but "
                    + MessageText.Literal(instead)
            );
}
