namespace TestHarness.Templates;

/// <summary>QEMU would not go on from a template whose files are whole. The message is QEMU's own words.</summary>
internal sealed class TemplateRefusedException(string message, Exception innerException) : Exception(message, innerException);
