using TestHarness.Specs;

namespace TestHarness;

/// <summary>Waits for a state of the guest (<see cref="SetupStep.WaitForPort"/> and its like).</summary>
public sealed record WaitStep : SetupStep
{
    internal WaitStep(WaitKind kind, string subject) => (Kind, Subject) = (kind, subject);

    internal WaitKind Kind { get; }

    /// <summary>The unit, the port, the path, the text or the address.</summary>
    internal string Subject { get; }

    internal override IEnumerable<string?> Content => ["wait", $"{Kind}", Subject];

    private protected override string Describe() =>
        Kind switch
        {
            WaitKind.Unit => $"wait for unit {Subject}",
            WaitKind.Port => $"wait for port {Subject}",
            WaitKind.File => $"wait for file {Subject}",
            WaitKind.Text => $"wait for \"{Subject}\" on the console",
            WaitKind.Http => $"wait for {Subject}",
            WaitKind.Journal => $"wait for \"{Subject}\" in the journal",
            _ => throw new InvalidOperationException($"{Kind} is not known."),
        };
}
