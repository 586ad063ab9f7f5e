using System.Text.Json.Nodes;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness.Screens;

/// <summary>
/// Reads the text on a screen by the exact ways where there is one: a VGA text mode's memory, or Linux's own console. Each is believed only
/// where the picture can be of what it says.
/// </summary>
internal sealed class ScreenReader(
    MachineOperations machine,
    Shell shell,
    Func<CancellationToken, Task<RawFrame>> capture,
    Func<bool> guestAnswers
)
{
    // VGA, modes 0 to 3: a driver that scrolls moves the screen about in so much from where the board has the characters.
    private const int TextMemoryBytes = 32 * 1024;

    // What is read a moment before the picture may have changed.
    private const int Attempts = 3;

    private static readonly TimeSpan ConsoleLimit = TimeSpan.FromSeconds(5);

    private int _reads;

    /// <summary>Reads the screen.</summary>
    /// <returns>The text; or <see langword="null"/> where it is a picture.</returns>
    public async Task<ScreenText?> TryReadAsync(CancellationToken cancellationToken)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            RawFrame frame = await capture(cancellationToken).ConfigureAwait(false);
            if (IsTextMode(frame) && await ReadVgaAsync(frame, cancellationToken).ConfigureAwait(false) is { } firmware)
                return firmware;
            if (guestAnswers() && await ReadConsoleAsync(cancellationToken).ConfigureAwait(false) is { } console)
                return console;
        }

        return null;
    }

    // 80 columns of 9 or 8 pixels; 25 rows of 16 or 50 rows of 8.
    private static bool IsTextMode(RawFrame frame) => frame is { Width: 720 or 640, Height: 400 };

    private async Task<ScreenText?> ReadVgaAsync(RawFrame frame, CancellationToken cancellationToken)
    {
        const int Columns = 80;
        byte[] memory = Board.Of(machine.Spec).TextMemory is { } address
            ? await ReadMemoryAsync(address, TextMemoryBytes, cancellationToken).ConfigureAwait(false)
            : [];
        int[] heights = [25, 50];
        // At its beginning, or wherever a driver scrolled it to.
        for (int start = 0; start + (2 * Columns * heights[0]) <= memory.Length; start += 2 * Columns)
        {
            foreach (int rows in heights)
            {
                if (TextGrid.OfVga(memory.AsSpan(start), Columns, rows) is { } grid && grid.Fits(frame))
                    return grid.ToText(frame, ScreenTextSource.VgaMemory);
            }
        }

        return null;
    }

    private async Task<byte[]> ReadMemoryAsync(long address, int size, CancellationToken cancellationToken)
    {
        string name = MachineFileNames.ScreenMemory(Interlocked.Increment(ref _reads));
        string file = Path.Combine(machine.Folder, name);
        try
        {
            await machine
                .Monitor.ExecuteAsync(
                    "pmemsave",
                    new JsonObject
                    {
                        ["val"] = address,
                        ["size"] = size,
                        ["filename"] = name,
                    },
                    cancellationToken
                )
                .ConfigureAwait(false);
            return await QemuFile.ReadAsync(file, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(file);
        }
    }

    // The picture is taken afterwards, so that it has what the guest says it shows.
    private async Task<ScreenText?> ReadConsoleAsync(CancellationToken cancellationToken)
    {
        using Deadline limit = machine.Time.Limit(machine.Scaled(ConsoleLimit), cancellationToken);
        try
        {
            ShellResult result = await shell.ProbeAsync(["cat", "/dev/vcsa", "/dev/vcsu"], limit.Token).ConfigureAwait(false);
            RawFrame frame = await capture(cancellationToken).ConfigureAwait(false);
            return TextGrid.OfConsole(result.StandardOutputBytes.Span) is { } grid && grid.Fits(frame)
                ? grid.ToText(frame, ScreenTextSource.LinuxConsole)
                : null;
        }
        catch (Exception e) when (e is AgentException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // A guest that reboots, or has no such program: it can't be read this way.
            return null;
        }
    }
}
