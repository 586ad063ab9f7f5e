namespace TestHarness;

/// <summary>A machine did not start: QEMU refused or ended, or the guest did not come up.</summary>
public sealed class MachineStartException : MachineException
{
    internal MachineStartException(MachineFacts facts, FailureText text, Exception? innerException = null)
        : base(facts, text, innerException)
    {
    }
}
