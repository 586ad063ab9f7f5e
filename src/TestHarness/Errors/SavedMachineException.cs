using TestHarness.Errors;

namespace TestHarness;

/// <summary>A saved machine can't be used: there is none of that name, it can't run on this host, or its files are not whole.</summary>
public sealed class SavedMachineException : TestHarnessException
{
    internal SavedMachineException(string name, FailureText text, Exception? innerException = null)
        : base(text, FailureOutcome.InfrastructureFailed, innerException) => Name = name;

    /// <summary>Gets the saved machine's name, or the file that it was to be imported from.</summary>
    public string Name { get; }
}
