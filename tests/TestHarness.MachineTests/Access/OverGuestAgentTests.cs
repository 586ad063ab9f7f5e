using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Access;

/// <summary>The QEMU guest agent, in an image whose own agent is kept from starting.</summary>
/// <param name="guest">The machine.</param>
public sealed class OverGuestAgentTests(OverGuestAgentTests.Guest guest)
    : EveryWayTests(guest, GuestAccess.GuestAgent),
        IClassFixture<OverGuestAgentTests.Guest>
{
    public sealed class Guest : VirtualMachineFixture
    {
        protected override MachineSpec Spec =>
            new()
            {
                Image = "debian-12",
                GuestAccess = GuestAccess.GuestAgent,
                KernelArguments = "systemd.mask=testharness-agent.service",
            };
    }
}
