using System.Text.Json.Nodes;
using TestHarness.Hosts;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Screens;

namespace TestHarness;

/// <summary>A machine's screen.</summary>
public sealed partial class Screen
{
    private static readonly TimeSpan CaptureLimit = TimeSpan.FromSeconds(20);

    private readonly MachineOperations _machine;
    private int _captures;

    internal Screen(MachineOperations machine, Shell shell, Func<bool> guestAnswers)
    {
        _machine = machine;
        _keyboard = new Keyboard(() => machine.Monitor);
        _pointer = new Pointer(() => machine.Monitor);
        _reader = new ScreenReader(machine, shell, CaptureRawAsync, guestAnswers);
    }

    /// <summary>The last pictures that differ.</summary>
    internal FrameHistory Frames { get; } = new();

    /// <summary>How many screenshots were taken.</summary>
    internal int Captures => _captures;

    /// <summary>Takes a screenshot.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The screenshot.</returns>
    /// <exception cref="InvalidOperationException">The machine has no display.</exception>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    /// <exception cref="MonitorException">QEMU refused.</exception>
    public Task<Screenshot> CaptureAsync(CancellationToken cancellationToken = default)
    {
        RequireDisplay();
        return _machine.GuardAsync("a screenshot", _machine.Scaled(CaptureLimit), CaptureNowAsync, cancellationToken);
    }

    /// <summary>Takes a screenshot, and neither guards nor notes it: also of a machine that is not up, or whose guest is lost.</summary>
    internal async Task<Screenshot> CaptureNowAsync(CancellationToken cancellationToken)
    {
        RawFrame raw = await CaptureRawAsync(cancellationToken).ConfigureAwait(false);
        var frame = new Screenshot(raw.ToPixels()) { Platforms = Platforms };
        Frames.Add(frame);
        return frame;
    }

    /// <summary>Takes the picture the quickest way: QEMU needs longer for a PNG file than for all the rest.</summary>
    internal async Task<RawFrame> CaptureRawAsync(CancellationToken cancellationToken)
    {
        // QEMU writes to its working directory, which is the machine's folder; each capture has a file of its own.
        string name = MachineFileNames.RawScreen(Interlocked.Increment(ref _captures));
        string file = Path.Combine(_machine.Folder, name);
        try
        {
            await _machine
                .Monitor.ExecuteAsync("screendump", new JsonObject { ["filename"] = name, ["format"] = "ppm" }, cancellationToken)
                .ConfigureAwait(false);
            return new RawFrame(await QemuFile.ReadAsync(file, cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private void RequireDisplay()
    {
        if (!QemuArguments.HasDisplay(_machine.Spec))
            throw new InvalidOperationException(
                $"Machine '{_machine.Name}' has no display: set MachineSpec.Display to Standard and Type to Q35."
            );
    }
}
