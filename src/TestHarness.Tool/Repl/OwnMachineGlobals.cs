namespace TestHarness.Tool.Repl;

/// <summary>What the prompt's C# has at hand where the machine is this process's own.</summary>
public sealed class OwnMachineGlobals
{
    internal OwnMachineGlobals(VirtualMachine machine) => vm = machine;

    /// <summary>Gets the machine.</summary>
    public VirtualMachine vm { get; }
}
