using System.Diagnostics;
using System.Security.Cryptography;

namespace TestHarness.Benchmarks;

/// <summary>
/// What is done to a running machine. Each sample has a machine of its own, for how fast one is depends on where its memory and its files came to lie. It is the
/// shortest of several times in it: what else the host does makes them longer, never shorter, and the first time in a machine costs more.
/// </summary>
/// <param name="image">The machine's image.</param>
/// <param name="times">How often it is done for one sample.</param>
internal abstract class MachineRow(string image, int times) : Row(image)
{
    public sealed override async Task<TimeSpan> SampleAsync()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Spec);
        await OpenAsync(vm);
        TimeSpan shortest = TimeSpan.MaxValue;
        for (int i = 0; i < times; i++)
        {
            long began = Stopwatch.GetTimestamp();
            await DoAsync(vm);
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            shortest = took < shortest ? took : shortest;
        }

        return shortest;
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Does what each machine needs and is not measured.</summary>
    /// <param name="vm">The machine.</param>
    /// <returns>A task.</returns>
    protected virtual Task OpenAsync(VirtualMachine vm) => Task.CompletedTask;

    protected abstract Task DoAsync(VirtualMachine vm);
}

internal sealed class CommandRow(string image) : MachineRow(image, times: 100)
{
    protected override Task DoAsync(VirtualMachine vm) => vm.Shell.RunAsync(["/bin/true"]);
}

/// <summary>A file of random data, another one for each machine, to another place each time.</summary>
internal sealed class PushRow(string image) : MachineRow(image, times: 6)
{
    private const int Bytes = 8 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("push-").FullName;
    private int _pushed;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    protected override Task OpenAsync(VirtualMachine vm) => File.WriteAllBytesAsync($"{_folder}/file", RandomNumberGenerator.GetBytes(Bytes));

    protected override Task DoAsync(VirtualMachine vm) => vm.Files.PushAsync($"{_folder}/file", $"/root/pushed-{++_pushed}");
}

internal sealed class CheckpointRow(string image) : MachineRow(image, times: 4)
{
    protected override Task DoAsync(VirtualMachine vm) => vm.CheckpointAsync("here");
}

internal sealed class RollbackRow(string image) : MachineRow(image, times: 5)
{
    protected override Task OpenAsync(VirtualMachine vm) => vm.CheckpointAsync("here");

    protected override Task DoAsync(VirtualMachine vm) => vm.RollbackAsync("here");
}
