using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Access;

/// <summary>The agent that the image has.</summary>
/// <param name="guest">The machine.</param>
public sealed class OverAgentTests(OverAgentTests.Guest guest)
    : EveryWayTests(guest, GuestAccess.Agent),
        IClassFixture<OverAgentTests.Guest>
{
    public sealed class Guest : VirtualMachineFixture
    {
        protected override MachineSpec Spec => new() { Image = "debian-12" };
    }
}
