using Xunit.Sdk;

namespace TestHarness.Xunit;

/// <summary>A theory's row that has a machine.</summary>
/// <param name="Attribute">What described it.</param>
/// <param name="DisposalTracker">Disposes what the row has after the last one.</param>
internal sealed record MachineRow(VirtualMachineAttribute Attribute, DisposalTracker DisposalTracker);
