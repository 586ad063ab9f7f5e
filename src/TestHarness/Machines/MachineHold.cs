using System.Text;
using TestHarness.Access;
using TestHarness.Evidence;
using TestHarness.Hosts;
using TestHarness.Machines;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness;

/// <summary>
/// A machine that is kept running for a person, and the ways into it: unix sockets and files that only this user can reach.
/// </summary>
public sealed class MachineHold : IAsyncDisposable
{
    private static readonly TimeSpan LooksEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ScreenEvery = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _closed;
    private readonly HoldSocket _shell;
    private readonly HoldSocket _console;
    private readonly HoldSocket? _steps;
    private readonly TestStep? _step;
    private readonly Task _screen;
    private readonly string _folder;

    private MachineHold(VirtualMachine machine, GuestSession guest, TestSteps steps, string? viewer, CancellationToken ended)
    {
        MachineName = machine.Name;
        _folder = Path.Combine(machine.OwnFolder, MachineFileNames.Hold);
        EvidenceBundle.MakeFolder(_folder);
        HoldFile = Path.Combine(_folder, "held");
        File.WriteAllText(HoldFile, "Delete this file to let the test go on.\n");
        ViewerSocket = viewer;
        ScreenFile = QemuArguments.HasDisplay(machine.Spec) ? Path.Combine(_folder, "screen.png") : null;
        _closed = CancellationTokenSource.CreateLinkedTokenSource(ended);
        _shell = new HoldSocket(Path.Combine(_folder, "shell"), new HeldShell(guest).ServeAsync);
        _console = new HoldSocket(Path.Combine(_folder, MachineFileNames.HoldConsole), new HeldConsole(machine.Console).ServeAsync);
        if (steps.Last is { Checkpoint: not null } step)
            (_step, _steps) = (step, new HoldSocket(Path.Combine(_folder, "step"), new HeldSteps(steps, step).ServeAsync));
        _screen = ScreenFile is null ? Task.CompletedTask : RenewScreenAsync(machine.Screen, ScreenFile);
        Released = WaitForReleaseAsync();
    }

    /// <summary>Gets the machine's name.</summary>
    public string MachineName { get; }

    /// <summary>Gets the unix socket whose every connection gets an interactive shell on a terminal of its own.</summary>
    public string ShellSocket => _shell.Path;

    /// <summary>Gets the unix socket that shows the end of the serial log and what comes, and types what it is sent.</summary>
    public string ConsoleSocket => _console.Path;

    /// <summary>
    /// Gets the unix socket that takes <c>back</c>, which puts the machine back to what was before the step that failed, and <c>again</c>,
    /// which then runs that step's code; or <see langword="null"/> where no step failed that has a checkpoint before it.
    /// </summary>
    public string? StepSocket => _steps?.Path;

    /// <summary>
    /// Gets the unix socket for a VNC viewer, or <see langword="null"/> without a display or where QEMU can't open one. It stays open
    /// (<see cref="Screen.OpenViewerAsync"/>).
    /// </summary>
    public string? ViewerSocket { get; }

    /// <summary>Gets the picture of the screen, renewed each second, or <see langword="null"/> without a display.</summary>
    public string? ScreenFile { get; }

    /// <summary>Gets the file that is deleted to release the machine.</summary>
    public string HoldFile { get; }

    /// <summary>Gets a task that ends when the file is deleted or the machine has ended. There is no limit.</summary>
    public Task Released { get; }

    /// <summary>Gets how to join and how to release, for a person at a terminal.</summary>
    public string Instructions
    {
        get
        {
            var text = new StringBuilder();
            text.Append("Machine '")
                .Append(MachineName)
                .Append("' is held (Ctrl-] leaves a terminal):\n")
                .Append("  shell:    ")
                .Append(Join(ShellSocket))
                .Append('\n')
                .Append("  console:  ")
                .Append(Join(ConsoleSocket))
                .Append('\n');
            if (_steps is not null)
                text.Append("  go back before ")
                    .Append(_step)
                    .Append(": ")
                    .Append(Send(HeldSteps.Back))
                    .Append("\n  run it again:   ")
                    .Append(Send(HeldSteps.Again))
                    .Append('\n');
            if (ScreenFile is not null)
                text.Append("  screen:   ").Append(ScreenFile).Append(" (renewed each second)\n");
            if (ViewerSocket is not null)
                text.Append("  viewer:   vncviewer ").Append(ShellQuote.Quote(ViewerSocket)).Append('\n');
            return text.Append("  release:  rm ").Append(ShellQuote.Quote(HoldFile)).ToString();
        }
    }

    /// <summary>Closes the ways into the machine and releases it; the machine runs on.</summary>
    /// <returns>A task that ends when they are closed.</returns>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _closed.CancelAsync().ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // Disposed before.
            return;
        }

        await _shell.DisposeAsync().ConfigureAwait(false);
        await _console.DisposeAsync().ConfigureAwait(false);
        if (_steps is not null)
            await _steps.DisposeAsync().ConfigureAwait(false);
        await _screen.ConfigureAwait(false);
        await Released.ConfigureAwait(false);
        _closed.Dispose();
        FolderRemoval.Remove(_folder);
    }

    internal static MachineHold Open(
        VirtualMachine machine,
        GuestSession guest,
        TestSteps steps,
        string? viewer,
        CancellationToken ended
    ) => new(machine, guest, steps, viewer, ended);

    private static string Join(string socket) => $"socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:{ShellQuote.Quote(socket)}";

    private string Send(string word) => $"echo {word} | socat -t 3600 - UNIX-CONNECT:{ShellQuote.Quote(_steps!.Path)}";

    private async Task WaitForReleaseAsync()
    {
        while (File.Exists(HoldFile) && !_closed.IsCancellationRequested)
            await Clock.System.Delay(LooksEvery, _closed.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task RenewScreenAsync(Screen screen, string file)
    {
        while (!_closed.IsCancellationRequested)
        {
            try
            {
                Screenshot shot = await screen.CaptureNowAsync(_closed.Token).ConfigureAwait(false);
                // Renamed into place, so that a viewer never sees half of it.
                await File.WriteAllBytesAsync($"{file}.new", shot.Png, _closed.Token).ConfigureAwait(false);
                File.Move($"{file}.new", file, overwrite: true);
            }
            catch (Exception e) when (e is OperationCanceledException or QmpException or IOException)
            {
                // A machine that is paused or broken: the last picture stays.
            }

            await Clock.System.Delay(ScreenEvery, _closed.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
