using System.Text.Json.Nodes;
using TestHarness.Hosts;

namespace TestHarness;

public sealed partial class Screen
{
    /// <summary>
    /// Opens the screen to a VNC viewer, with keyboard and mouse, on a unix socket in the machine's run folder that only this user can
    /// reach: <c>vncviewer SOCKET</c> (TigerVNC). It is open until the machine stops or reboots; opening it again does no harm.
    /// </summary>
    /// <remarks>QEMU's <c>display-update</c>, of QEMU 7.1 and later (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html).</remarks>
    /// <param name="cancellationToken">Ends the opening.</param>
    /// <returns>The socket's path.</returns>
    /// <exception cref="InvalidOperationException">The machine has no display.</exception>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task<string> OpenViewerAsync(CancellationToken cancellationToken = default)
    {
        RequireDisplay();
        return _machine.GuardAsync("the screen to open to a viewer", _machine.Scaled(CaptureLimit), OpenViewerNowAsync, cancellationToken);
    }

    private async Task<string> OpenViewerNowAsync(CancellationToken cancellationToken)
    {
        var socket = new JsonObject { ["type"] = "unix", ["path"] = MachineFileNames.ViewerSocket };
        await _machine
            .Monitor.ExecuteAsync(
                "display-update",
                new JsonObject { ["type"] = "vnc", ["addresses"] = new JsonArray(socket) },
                cancellationToken
            )
            .ConfigureAwait(false);
        return Path.Combine(_machine.Folder, MachineFileNames.ViewerSocket);
    }
}
