namespace TestHarness.Access;

/// <summary>A sign that something went wrong in a guest.</summary>
/// <param name="Fault">What it is.</param>
/// <param name="Text">A sentence about it, with the guest's or QEMU's own words.</param>
/// <param name="Certain">False where only a text on the serial console says so, which any program of the guest can print.</param>
internal sealed record GuestTrouble(MachineFault Fault, string Text, bool Certain = false)
{
    /// <summary>The line on the serial console that says so, where one does.</summary>
    public string? Line { get; init; }
}
