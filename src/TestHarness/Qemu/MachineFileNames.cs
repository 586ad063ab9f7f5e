namespace TestHarness.Qemu;

/// <summary>
/// Names of the files in a machine's run folder. QEMU runs with that folder as its working directory and is given these names as they are, so
/// neither the length of the folder's path nor a comma in it matters to QEMU.
/// </summary>
internal static class MachineFileNames
{
    public const string MonitorSocket = "qmp.sock";

    public const string AgentSocket = "agent.sock";
    public const string GuestAgentSocket = "qga.sock";

    /// <summary>Where a VNC viewer connects.</summary>
    public const string ViewerSocket = "vnc.sock";

    public const string Overlay = "disk.qcow2";

    /// <summary>The machine's own UEFI variables.</summary>
    public const string UefiVariables = "variables.qcow2";

    /// <summary>The disk that cloud-init reads.</summary>
    public const string Seed = "seed.iso";

    /// <summary>The pipes of a serial port, the console's for 0; QEMU adds <c>.in</c> and <c>.out</c>.</summary>
    public static string SerialPipe(int index) => index == 0 ? "serial" : $"serial{index}";

    /// <summary>The file that QEMU writes a screenshot to.</summary>
    public static string Screenshot(int number) => $"screen-{number}.png";

    /// <summary>The file that QEMU writes a picture of the screen to that is only looked at.</summary>
    public static string RawScreen(int number) => $"screen-{number}.ppm";

    /// <summary>The file that QEMU writes the memory of a text screen to.</summary>
    public static string ScreenMemory(int number) => $"screen-{number}.memory";

    /// <summary>The file of an additional disk, counted from 0.</summary>
    public static string ExtraDisk(int index) => $"extra-{index}.qcow2";
}
