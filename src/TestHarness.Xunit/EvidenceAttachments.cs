using System.Text;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Xunit;

/// <summary>Puts a machine's evidence into a test's result.</summary>
internal static class EvidenceAttachments
{
    /// <summary>Adds it.</summary>
    /// <param name="context">The test.</param>
    /// <param name="evidence">The evidence.</param>
    /// <param name="failure">Why the test fails, where xunit does not know yet; what its message tells is not said again.</param>
    public static void Add(ITestContext context, MachineEvidence evidence, Exception? failure)
    {
        string Named(string what) => $"{evidence.MachineName}-{what}";
        // The runner adds the ending that belongs to the media type.
        AddText(Named("serial-log"), evidence.SerialLog);
        foreach ((string name, string log) in evidence.SerialPorts)
            AddText(Named($"serial-{name}-log"), log);
        AddText(Named("qemu-stderr"), evidence.StandardError);
        AddText(Named("command-line"), evidence.CommandLine);
        AddText(Named("repro.sh"), evidence.ReproScript);
        AddText(Named("events.jsonl"), evidence.Timeline);
        if (evidence.Journal is { } journal)
            AddText(Named("journal"), journal);
        if (evidence.Screenshot is { } screenshot)
            context.AddAttachment(Named("screen"), screenshot.Png.ToArray(), replaceExistingValue: true, "image/png");

        if (evidence.Step is { } step)
            context.TestOutputHelper?.WriteLine(PrintableText.WithoutColours($"Machine '{evidence.MachineName}' failed in {step}."));
        if (!IsTold(evidence, [.. failure is null ? context.TestState?.ExceptionMessages ?? [] : Messages(failure)]))
            context.TestOutputHelper?.WriteLine(
                PrintableText.WithoutColours($"Machine '{evidence.MachineName}': {evidence.SerialExcerpt}")
            );

        // As bytes: a text attachment must be valid XML, and a serial log has whatever the guest wrote.
        void AddText(string name, string text) =>
            context.AddAttachment(name, Encoding.UTF8.GetBytes(text), replaceExistingValue: true, "text/plain");
    }

    // Failures of a machine have the end of its serial log in their message already; one whose QEMU was not started has none.
    private static bool IsTold(MachineEvidence evidence, string[] messages) =>
        evidence.CommandLine.Length == 0
        || messages.Any(message =>
            message.Contains($"'{evidence.MachineName}'", StringComparison.Ordinal)
            && message.Contains("\nSerial log", StringComparison.Ordinal)
        );

    private static IEnumerable<string> Messages(Exception failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
            yield return e.Message;
    }
}
