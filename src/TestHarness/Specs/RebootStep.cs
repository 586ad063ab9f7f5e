namespace TestHarness;

/// <summary>Restarts the guest (<see cref="SetupStep.Reboot"/>).</summary>
public sealed record RebootStep : SetupStep
{
    internal RebootStep() { }

    internal override IEnumerable<string?> Content => ["reboot"];

    private protected override string Describe() => "reboot";
}
