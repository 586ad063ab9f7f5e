using System.Diagnostics;
using FluentAssertions;

namespace TestHarness.MachineTests;

/// <summary>
/// Looks for what a machine left on the host. A mark among QEMU's arguments tells its processes from those of other tests.
/// </summary>
internal sealed class Litter
{
    private readonly string _mark = $"testharness-mark-{Guid.NewGuid():N}";

    /// <summary>The spec with the mark in QEMU's argument list; without a template, so that there is one QEMU.</summary>
    public MachineSpec Mark(MachineSpec spec) =>
        spec with
        {
            Start = StartMode.Cold,
            ExtraQemuArguments = ["-fw_cfg", $"name=opt/{_mark},string=x", .. spec.ExtraQemuArguments],
        };

    /// <summary>The processes that have the mark, and the folders they run in.</summary>
    public (int Process, string Folder)[] Find()
    {
        // Apart from the test: what is thrown and caught in here is no reason to keep the test's machines for their evidence.
        using (ExecutionContext.SuppressFlow())
            return Task.Run(Look).GetAwaiter().GetResult();
    }

    private (int Process, string Folder)[] Look() =>
        [
            .. Directory
                .GetDirectories("/proc")
                .Select(folder => int.TryParse(Path.GetFileName(folder), out int id) ? id : 0)
                .Where(id => id != 0 && CommandLine(id).Contains(_mark, StringComparison.Ordinal))
                .Select(id => (id, new FileInfo($"/proc/{id}/cwd").LinkTarget ?? "")),
        ];

    /// <summary>Waits until a process with the mark runs; returns the machine's folder.</summary>
    public async Task<string> WaitForProcessAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Find().FirstOrDefault(found => found.Folder.Length > 0) is { Process: not 0 } found)
                return found.Folder;
            await Task.Delay(10, cancellationToken);
        }
    }

    /// <summary>Asserts that no marked process is left, within a moment, nor the folder.</summary>
    public async Task ShouldBeGoneAsync(string? folder, CancellationToken cancellationToken)
    {
        var since = Stopwatch.StartNew();
        while (since.Elapsed < TimeSpan.FromSeconds(2) && Find().Length > 0)
            await Task.Delay(10, cancellationToken);
        Find().Should().BeEmpty("no process is left");
        if (folder is not null)
            Directory.Exists(folder).Should().BeFalse($"the run folder '{folder}' is gone");
    }

    // Empty where the process has ended meanwhile.
    private static string CommandLine(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }
}
