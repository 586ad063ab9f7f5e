namespace TestHarness;

/// <summary>Runs code of the test's (<see cref="SetupSteps.Do"/>).</summary>
/// <param name="Label">Its label, which is its key.</param>
/// <param name="Action">The code.</param>
public sealed record DoStep(string Label, Func<VirtualMachine, CancellationToken, Task> Action) : SetupStep
{
    internal override IEnumerable<string?> Content => ["do", Label];

    private protected override string Describe() => Label;
}
