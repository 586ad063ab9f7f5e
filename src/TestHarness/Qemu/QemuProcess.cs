using System.Diagnostics;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Qemu;

/// <summary>
/// One QEMU process: started as an unprivileged user in the machine's folder, killed by the kernel when this process dies, and never left
/// behind. Where it is a script, what that starts is ended with it.
/// </summary>
internal sealed class QemuProcess : IAsyncDisposable
{
    private const int MaxErrorBytes = 64 * 1024;

    // The kernel closes a process's connections some milliseconds before it tells that the process has ended; a busy host takes its time.
    private static readonly TimeSpan EndFollows = TimeSpan.FromSeconds(1);

    private readonly Process _process;
    private readonly ProgramFamily _family;
    private readonly ProgramWords _words = new(MaxErrorBytes);
    private readonly OomWatch _memory;

    private QemuProcess(Process process, ProgramFamily family, OomWatch memory, string program, IReadOnlyList<string> arguments)
    {
        _process = process;
        _memory = memory;
        Id = process.Id;
        _family = family;
        CommandLine = ShellQuote.Join([program, .. arguments]);
        Exited = WaitForExitAsync();
    }

    public int Id { get; }

    /// <summary>The command line as a person would type it in the machine's folder.</summary>
    public string CommandLine { get; }

    /// <summary>Ends with QEMU's exit code once the process is gone and its last words are read.</summary>
    public Task<int> Exited { get; }

    /// <summary>Whether QEMU was running when this process ended it.</summary>
    public bool EndedByUs { get; private set; }

    /// <summary>What QEMU wrote to its standard error.</summary>
    public string StandardError => _words.Text;

    public static async Task<QemuProcess> StartAsync(string program, IReadOnlyList<string> arguments, string folder, uint? deviceGroup)
    {
        var start = new ProcessStartInfo(Prerequisites.Find("setpriv"), [.. QemuUser.SetPrivArguments(deviceGroup), program, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        HelperEnvironment.GiveToQemu(start);
        var family = new ProgramFamily();
        family.Mark(start);
        var memory = new OomWatch();
        Process process = await SpawnThread.RunAsync(() => Process.Start(start)!).ConfigureAwait(false);
        process.StandardInput.Close();
        return new QemuProcess(process, family, memory, program, arguments);
    }

    /// <summary>Waits a moment for the end, of which the loss of a connection may be the first sign. True where it came.</summary>
    /// <param name="other">What else may come, and ends the wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<bool> EndsSoonAsync(Task? other = null, CancellationToken cancellationToken = default)
    {
        await Task.WhenAny(Exited, other ?? Exited, Clock.System.Delay(EndFollows, cancellationToken)).ConfigureAwait(false);
        return Exited.IsCompleted;
    }

    /// <summary>
    /// Says that the host's kernel ended QEMU because memory ran out; <see langword="null"/> where it ended in another way.
    /// </summary>
    public async Task<string?> FindOutOfMemoryAsync() =>
        await Exited.ConfigureAwait(false) == 128 + SignalNumber.Kill && !EndedByUs
            ? await _memory.DescribeAsync(Id).ConfigureAwait(false)
            : null;

    public void Kill()
    {
        EndedByUs |= !Exited.IsCompleted;
        try
        {
            if (!Exited.IsCompleted && !_process.HasExited)
                _family.Kill(Id);
        }
        catch (InvalidOperationException)
        {
            // It has ended already.
        }
    }

    public async ValueTask DisposeAsync()
    {
        Kill();
        await Exited.ConfigureAwait(false);
        _process.Dispose();
    }

    private async Task<int> WaitForExitAsync()
    {
        // QEMU's standard output has nothing of its own; what an extra argument makes it print belongs with the errors.
        Task output = CollectAsync(_process.StandardOutput);
        Task error = CollectAsync(_process.StandardError);
        await _process.WaitForExitAsync().ConfigureAwait(false);
        Task pipes = Task.WhenAll(output, error);
        await _family.EndAsync(_process.ExitCode, pipes, thoroughly: true).ConfigureAwait(false);
        await pipes.ConfigureAwait(false);
        return _process.ExitCode;
    }

    private Task CollectAsync(StreamReader pipe) =>
        _words.CollectAsync(new StreamReader(new ProgramOutput(pipe.BaseStream, _family.Ended)));
}
