using System.Text;
using TestHarness.Guest;
using Xunit;

namespace TestHarness.Xunit;

/// <summary>Puts a machine's evidence into a test's result.</summary>
internal static class EvidenceAttachments
{
    private const int TailLines = 40;

    public static void Add(ITestContext context, MachineEvidence evidence)
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

        // Our own exceptions have the end of the serial log in their message already.
        if (!IsOurs(context))
            context.TestOutputHelper?.WriteLine(PrintableText.Of($"Serial log of machine '{evidence.MachineName}' (last {TailLines} lines):\n{TextTail.Of(evidence.SerialLog, TailLines)}"));

        // As bytes: a text attachment must be valid XML, and a serial log has whatever the guest wrote.
        void AddText(string name, string text) =>
            context.AddAttachment(name, Encoding.UTF8.GetBytes(text), replaceExistingValue: true, "text/plain");
    }

    private static bool IsOurs(ITestContext context) =>
        context.TestState?.ExceptionTypes?.Any(type => type?.StartsWith("TestHarness.", StringComparison.Ordinal) == true) == true;
}
