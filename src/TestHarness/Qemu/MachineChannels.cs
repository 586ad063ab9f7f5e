namespace TestHarness.Qemu;

/// <summary>Where the other ends of a machine's monitor, serial console and agent port are.</summary>
internal enum MachineChannels
{
    /// <summary>At the library's unix sockets in the machine's folder; the machine waits for <c>cont</c>.</summary>
    Library,

    /// <summary>At the terminal that QEMU is started from by hand; the agent's port leads nowhere.</summary>
    Terminal,
}
