using System.Text;
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
            context.TestOutputHelper?.WriteLine($"Serial log of machine '{evidence.MachineName}' (last {TailLines} lines):\n{Tail(evidence.SerialLog)}");

        // As bytes: a text attachment must be valid XML, and a serial log has whatever the guest wrote.
        void AddText(string name, string text) =>
            context.AddAttachment(name, Encoding.UTF8.GetBytes(text), replaceExistingValue: true, "text/plain");
    }

    private static bool IsOurs(ITestContext context) =>
        context.TestState?.ExceptionTypes?.Any(type => type?.StartsWith("TestHarness.", StringComparison.Ordinal) == true) == true;

    private static string Tail(string text) => string.Join('\n', text.TrimEnd().Split('\n').TakeLast(TailLines).Select(Printable));

    // Control characters of the guest neither belong on a terminal nor, most of them, into XML.
    public static string Printable(string line) =>
        string.Concat(line.Select(character => char.IsControl(character) && character != '\t' ? '\u00b7' : character));
}
