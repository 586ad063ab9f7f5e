using System.Diagnostics;
using System.Security.Cryptography;

namespace TestHarness.Benchmarks;

/// <summary>A row whose samples are all taken from one machine.</summary>
internal abstract class MachineRow(string image) : Row(image)
{
    private VirtualMachine? _vm;

    public sealed override async Task<TimeSpan> SampleAsync()
    {
        if (_vm is null)
            await OpenAsync(_vm = await VirtualMachine.StartAsync(Spec));
        await PrepareAsync();
        long began = Stopwatch.GetTimestamp();
        await DoAsync(_vm);
        return Stopwatch.GetElapsedTime(began);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_vm is not null)
            await _vm.DisposeAsync();
    }

    protected virtual Task OpenAsync(VirtualMachine vm) => Task.CompletedTask;

    /// <summary>Does what each sample needs and is not measured.</summary>
    /// <returns>A task.</returns>
    protected virtual Task PrepareAsync() => Task.CompletedTask;

    protected abstract Task DoAsync(VirtualMachine vm);
}

/// <summary>Commands in a warm guest: several, for one alone is shorter than what a busy host adds.</summary>
internal sealed class CommandRow(string image) : MachineRow(image)
{
    private const int Commands = 20;

    protected override async Task DoAsync(VirtualMachine vm)
    {
        for (int i = 0; i < Commands; i++)
            await vm.Shell.RunAsync(["/bin/true"]);
    }
}

/// <summary>A file of random data, another one each time.</summary>
internal sealed class PushRow(string image) : MachineRow(image)
{
    private const int Bytes = 8 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("push-").FullName;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    protected override Task PrepareAsync() => File.WriteAllBytesAsync($"{_folder}/file", RandomNumberGenerator.GetBytes(Bytes));

    protected override Task DoAsync(VirtualMachine vm) => vm.Files.PushAsync($"{_folder}/file", "/root/pushed");
}

internal sealed class CheckpointRow(string image) : MachineRow(image)
{
    protected override Task DoAsync(VirtualMachine vm) => vm.CheckpointAsync("here");
}

internal sealed class RollbackRow(string image) : MachineRow(image)
{
    protected override Task OpenAsync(VirtualMachine vm) => vm.CheckpointAsync("here");

    protected override Task DoAsync(VirtualMachine vm) => vm.RollbackAsync("here");
}
