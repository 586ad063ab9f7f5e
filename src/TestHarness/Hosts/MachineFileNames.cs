using TestHarness.Qemu;

namespace TestHarness.Hosts;

/// <summary>
/// Names of the files in a machine's run folder. QEMU runs with that folder as its working directory and is given these names as they are,
/// so neither the length of the folder's path nor a comma in it matters to QEMU.
/// </summary>
internal static class MachineFileNames
{
    /// <summary>The folder that QEMU runs in, in the machine's own one.</summary>
    public const string QemuFolder = "q";

    public const string MonitorSocket = "qmp.sock";

    public const string AgentSocket = "agent.sock";
    public const string GuestAgentSocket = "qga.sock";

    /// <summary>Where a template's state is written to, and where one is read from.</summary>
    public const string OutgoingSocket = "outgoing.sock";
    public const string IncomingSocket = "incoming.sock";

    /// <summary>Where a VNC viewer connects.</summary>
    public const string ViewerSocket = "vnc.sock";

    /// <summary>The folder of a person's ways into a machine that is held, and the longer of the two.</summary>
    public const string Hold = "hold";
    public const string HoldConsole = "console";

    /// <summary>The folder of the guest's SSH access.</summary>
    public const string Ssh = "ssh";

    /// <summary>The socket of a transfer, in the transfer's folder. Short, for the folder's name grows.</summary>
    public const string RsyncSocket = "s";

    public const string Overlay = "disk.qcow2";

    /// <summary>The machine's own UEFI variables.</summary>
    public const string UefiVariables = "variables.qcow2";

    /// <summary>The disk that cloud-init reads.</summary>
    public const string Seed = "seed.iso";

    /// <summary>The folder of a transfer by rsync.</summary>
    public static string Transfer(int number) => $"r{number}";

    /// <summary>The socket of a card's cable.</summary>
    public static string CardSocket(int card) => $"card{card}.sock";

    /// <summary>All unix sockets below a machine's own folder, each with the longest name that it can have.</summary>
    public static IEnumerable<string> Sockets =>
        [
            .. ((string[])[MonitorSocket, AgentSocket, GuestAgentSocket, IncomingSocket, ViewerSocket, CardSocket(99)]).Select(name =>
                $"{QemuFolder}/{name}"
            ),
            OutgoingSocket,
            $"{Hold}/{HoldConsole}",
            $"{Transfer(int.MaxValue)}/{RsyncSocket}",
        ];

    /// <summary>The pipes of a serial port, the console's for 0; QEMU adds <c>.in</c> and <c>.out</c>.</summary>
    public static string SerialPipe(int index) => index == 0 ? "serial" : $"serial{index}";

    /// <summary>The file that QEMU writes a picture of the screen to.</summary>
    public static string RawScreen(int number) => $"screen-{number}.ppm";

    /// <summary>The file that QEMU writes the memory of a text screen to.</summary>
    public static string ScreenMemory(int number) => $"screen-{number}.memory";

    /// <summary>The file of an additional disk, counted from 0.</summary>
    public static string ExtraDisk(int index) => $"extra-{index}.qcow2";
}
