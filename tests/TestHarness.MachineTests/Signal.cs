using System.Diagnostics;

namespace TestHarness.MachineTests;

internal static class Signal
{
    /// <summary>Sends a signal to a machine's QEMU.</summary>
    public static void Send(string signal, VirtualMachine vm)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", $"{vm.ProcessId!.Value}"]);
        kill.WaitForExit();
    }
}
