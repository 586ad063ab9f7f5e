using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace TestHarness.FakeQemu;

/// <summary>A real QEMU whose monitor is led through this process, which breaks it at a command and leaves QEMU running.</summary>
internal static class MonitorRelay
{
    private const string RealMonitor = "real-qmp.sock";

    /// <summary>Runs QEMU to its end; returns its exit code.</summary>
    public static int Run(string[] arguments, string breakAt, string way)
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(RealMonitor));
        listener.Listen(1);
        string[] led =
        [
            .. arguments.Select(argument =>
                argument == "socket,id=monitor,path=qmp.sock" ? $"socket,id=monitor,path={RealMonitor}" : argument
            ),
        ];
        // Forked on the main thread, which stays until QEMU has ended: PR_SET_PDEATHSIG follows the thread.
        using Process qemu = Process.Start("setpriv", ["--pdeathsig", "KILL", "--", "qemu-system-x86_64", .. led]);
        _ = Task.Run(() => RelayAsync(listener.Accept(), Channels.Connect("qmp.sock"), breakAt, way));
        qemu.WaitForExit();
        return qemu.ExitCode;
    }

    private static async Task RelayAsync(Socket qemu, Socket library, string breakAt, string way)
    {
        var (real, outer) = (new NetworkStream(qemu), new NetworkStream(library));
        // QEMU's own end closes the library's connection, as it would without this process between.
        _ = real.CopyToAsync(outer).ContinueWith(_ => library.Dispose(), TaskScheduler.Default);
        using var commands = new StreamReader(outer);
        while (await commands.ReadLineAsync() is { } line)
        {
            using JsonDocument request = JsonDocument.Parse(line);
            if (request.RootElement.GetProperty("execute").GetString() != breakAt)
                await real.WriteAsync(Encoding.UTF8.GetBytes($"{line}\n"));
            else if (way == "drop")
                library.Shutdown(SocketShutdown.Both);
            else if (way == "garbage")
                await outer.WriteAsync("*** stack smashing detected ***\n"u8.ToArray());
            else if (way == "refuse")
                await outer.WriteAsync(
                    Encoding.UTF8.GetBytes(
                        $"{{\"id\": {request.RootElement.GetProperty("id")}, \"error\": {{\"class\": \"GenericError\", \"desc\": "
                            + "\"the relay is closed today\"}}\r\n"
                    )
                );
        }
    }
}
