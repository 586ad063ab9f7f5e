using TestHarness.Errors;

namespace TestHarness;

/// <summary>
/// The host lacks something that machines need: a program, a folder that can be written, an operating system that is Linux.
/// </summary>
public sealed class HostNotReadyException : TestHarnessException
{
    internal HostNotReadyException(FailureText text, Exception? innerException = null)
        : base(text, FailureOutcome.InfrastructureFailed, innerException) { }
}
