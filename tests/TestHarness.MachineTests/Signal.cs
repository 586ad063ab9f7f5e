using System.Diagnostics;

namespace TestHarness.MachineTests;

internal static class Signal
{
    /// <summary>Sends a signal to a machine's QEMU.</summary>
    public static void Send(string signal, VirtualMachine vm) => Send(signal, vm.ProcessId!.Value);

    /// <summary>Sends a signal to a process of the test's.</summary>
    public static void Send(string signal, int process)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", $"{process}"]);
        kill.WaitForExit();
    }
}
