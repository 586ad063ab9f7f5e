namespace TestHarness;

/// <summary>What kind of thing happened to a machine.</summary>
public enum MachineEventKind
{
    /// <summary>A step of the start, or its end.</summary>
    Start,

    /// <summary>Something was asked of the running machine: a command, a transfer, a wait, a screenshot.</summary>
    Operation,

    /// <summary>The guest asked something of the test (a metadata request, a connection to the host), or got its clock late.</summary>
    Guest,

    /// <summary>QEMU told of it: a reset, a panic, a full disk.</summary>
    Qemu,

    /// <summary>The machine was asked to end, or ended.</summary>
    End,

    /// <summary>Stands for entries that were left out, because there were too many.</summary>
    Dropped,

    /// <summary>A step of the test (<see cref="VirtualMachine.StepAsync"/>) began or ended.</summary>
    Step,

    /// <summary>The test changed how a network of the machine's cluster carries frames, or pulled a cable.</summary>
    Network,
}
