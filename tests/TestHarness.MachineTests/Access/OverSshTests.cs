using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Access;

/// <summary>An image without an agent, over SSH.</summary>
/// <param name="guest">The machine.</param>
public sealed class OverSshTests(OverSshTests.Guest guest) : EveryWayTests(guest, GuestAccess.Ssh), IClassFixture<OverSshTests.Guest>
{
    public sealed class Guest : VirtualMachineFixture
    {
        protected override MachineSpec Spec => new() { Image = "debian-12-cloud", GuestAccess = GuestAccess.Ssh };
    }
}
