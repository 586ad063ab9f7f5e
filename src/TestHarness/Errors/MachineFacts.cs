using System.Text;
using TestHarness.Text;

namespace TestHarness.Errors;

/// <summary>What every failure of a machine tells besides its own reason.</summary>
internal sealed record MachineFacts(string MachineName)
{
    public SerialExcerpt Serial { get; init; } = SerialExcerpt.None;

    public string StandardError { get; init; } = "";

    public string CommandLine { get; init; } = "";

    /// <summary>Its addresses on networks, and the seed of their faults.</summary>
    public string Networks { get; init; } = "";

    /// <summary>Where the evidence will be by the time the message is read, or <see langword="null"/> where nobody keeps any.</summary>
    public string? EvidenceFolder { get; init; }

    public SecretMask Mask { get; init; } = SecretMask.None;

    /// <summary>
    /// The last lines of what a command wrote, masked before they are cut: of much output only the end, with as much before it as a secret
    /// may reach back.
    /// </summary>
    public string Tail(ReadOnlyMemory<byte> output, int lines)
    {
        int count = Math.Min(output.Length, TextTail.MaxBytes + (4 * Mask.Longest));
        return TextTail.Of(Mask.Apply(Encoding.UTF8.GetString(output.Span[^count..]), beginsCut: count < output.Length), lines);
    }

    public FailureText AddTo(FailureText text)
    {
        text.Add("Standard error of QEMU", StandardError).Add(Serial.Label, Serial.Words).Add("Networks", Networks);
        // QEMU's command line is longer than all the rest: it stands here only where no file has it.
        if (CommandLine.Length > 0 && EvidenceFolder is { } folder)
            text.Add("Command line of QEMU", Path.Combine(folder, BundleFiles.CommandLine))
                .Add("Reproduce", Path.Combine(folder, BundleFiles.ReproScript));
        else
            text.Add("Reproduce", CommandLine);
        return text.Masked(Mask);
    }
}
