namespace TestHarness.Tool.Repl;

/// <summary>What the prompt's C# has at hand where another process keeps the machine.</summary>
public sealed class RunningMachineGlobals
{
    internal RunningMachineGlobals(RunningMachine machine) => vm = machine;

    /// <summary>Gets the machine, by what the process that keeps it can be asked.</summary>
    public RunningMachine vm { get; }
}
