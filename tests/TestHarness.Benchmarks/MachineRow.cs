using System.Diagnostics;
using System.Security.Cryptography;

namespace TestHarness.Benchmarks;

/// <summary>What is done again and again to a running machine.</summary>
/// <param name="image">The machine's image.</param>
internal abstract class MachineRow(string image) : Row(image)
{
    private VirtualMachine? _vm;

    public sealed override async Task<TimeSpan> SampleAsync()
    {
        if (IsForOneSample)
            await EndAsync();
        if (_vm is null)
        {
            _vm = await VirtualMachine.StartAsync(Spec);
            await OpenAsync(_vm);
        }

        long began = Stopwatch.GetTimestamp();
        await DoAsync(_vm);
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>
    /// Gets whether each sample has a machine of its own. QEMU saves and loads in one process in half the time as in the next, for as long
    /// as it lives, and what is compared is the library.
    /// </summary>
    protected virtual bool IsForOneSample => false;

    public override async ValueTask DisposeAsync() => await EndAsync();

    /// <summary>Does what the machine needs and is not measured.</summary>
    /// <param name="vm">The machine.</param>
    /// <returns>A task.</returns>
    protected virtual Task OpenAsync(VirtualMachine vm) => Task.CompletedTask;

    protected abstract Task DoAsync(VirtualMachine vm);

    private async Task EndAsync()
    {
        if (_vm is not null)
            await _vm.DisposeAsync();
        _vm = null;
    }
}

internal sealed class CommandRow(string image) : MachineRow(image)
{
    protected override Task DoAsync(VirtualMachine vm) => vm.Shell.RunAsync(["/bin/true"]);
}

/// <summary>A file of random data, to another place each time.</summary>
internal sealed class PushRow(string image) : MachineRow(image)
{
    private const int Bytes = 8 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("push-").FullName;
    private int _pushed;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    protected override Task OpenAsync(VirtualMachine vm) =>
        File.WriteAllBytesAsync($"{_folder}/file", RandomNumberGenerator.GetBytes(Bytes));

    protected override Task DoAsync(VirtualMachine vm) => vm.Files.PushAsync($"{_folder}/file", $"/root/pushed-{++_pushed}");
}

internal sealed class CheckpointRow(string image) : MachineRow(image)
{
    protected override bool IsForOneSample => true;

    protected override Task DoAsync(VirtualMachine vm) => vm.CheckpointAsync("here");
}

internal sealed class RollbackRow(string image) : MachineRow(image)
{
    protected override bool IsForOneSample => true;

    protected override Task OpenAsync(VirtualMachine vm) => vm.CheckpointAsync("here");

    protected override Task DoAsync(VirtualMachine vm) => vm.RollbackAsync("here");
}
