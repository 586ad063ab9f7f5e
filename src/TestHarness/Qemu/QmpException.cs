namespace TestHarness.Qemu;

/// <summary>QEMU answered a command with an error, or the monitor's connection broke.</summary>
internal sealed class QmpException(string message, Exception? innerException = null) : Exception(message, innerException);
