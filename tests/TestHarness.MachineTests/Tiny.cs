using TestHarness.MachineTests;
using TestHarness.Xunit;
using Xunit;

[assembly: AssemblyFixture(typeof(Tiny))]

namespace TestHarness.MachineTests;

/// <summary>One tiny machine for all tests that leave it as it was.</summary>
public sealed class Tiny : VirtualMachineFixture
{
    protected override MachineSpec Spec => new() { Image = "tiny", PortForwards = [new PortForward(22)] };
}
