using TestHarness.Evidence;

namespace TestHarness;

/// <summary>What every failure of a machine tells besides its own reason.</summary>
internal sealed record MachineFacts(string MachineName)
{
    public string SerialTail { get; init; } = "";

    public string StandardError { get; init; } = "";

    public string CommandLine { get; init; } = "";

    public SecretMask Mask { get; init; } = SecretMask.None;

    public FailureText AddTo(FailureText text) => text
        .Add("Standard error of QEMU", StandardError)
        .Add($"Serial log (last {SerialTail.Split('\n').Length} lines)", SerialTail)
        .Add("Reproduce", CommandLine)
        .Masked(Mask);
}
