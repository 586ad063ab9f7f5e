using Xunit;

namespace TestHarness.Xunit;

/// <summary>Passes on the steps of a start to xunit's diagnostic messages.</summary>
internal sealed class DiagnosticProgress : IProgress<StartProgress>
{
    public static DiagnosticProgress Instance { get; } = new();

    // Steps only: the details of an image that is being built are hundreds of lines.
    public void Report(StartProgress value)
    {
        if (value.Detail is null)
            TestContext.Current.SendDiagnosticMessage("{0}", value.Step);
    }
}
