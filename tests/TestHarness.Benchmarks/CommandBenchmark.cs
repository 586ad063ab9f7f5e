using System.Diagnostics;
using System.Globalization;

namespace TestHarness.Benchmarks;

/// <summary>What a command costs in a warm guest, beside the same posix_spawn measured by a C program inside it.</summary>
internal static class CommandBenchmark
{
    public static async Task<IReadOnlyList<Metric>> RunAsync(string image, int count)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image });
        await CompileAsync(vm);
        // The emulator translates what runs for the first time, and the guest has its memory from the host page by page.
        await SampleAsync(40, () => CommandAsync(vm));
        // In a row each, as the reference is; a guest that does one thing after the other is slower than one that repeats itself.
        double[] pings = await SampleAsync(count, async () => (await vm.Shell.PingAsync()).TotalMilliseconds);
        double[] commands = await SampleAsync(count, () => CommandAsync(vm));
        double[] spawns = await SampleAsync(3, async () => Milliseconds(await vm.Shell.RunAsync(["/tmp/spawn", $"{count}"])));
        double[] shells = await SampleAsync(count, async () => (await vm.Shell.RunAsync("/bin/true")).Duration.TotalMilliseconds);
        return
        [
            new($"{image}: agent ping", "ms", pings),
            new($"{image}: /bin/true by the agent", "ms", commands),
            new($"{image}: posix_spawn of /bin/true inside the guest", "ms", spawns),
            new($"{image}: /bin/true by the agent and a shell", "ms", shells),
        ];
    }

    private static async Task<double> CommandAsync(VirtualMachine vm) => (await vm.Shell.RunAsync(["/bin/true"])).Duration.TotalMilliseconds;

    private static async Task<double[]> SampleAsync(int count, Func<Task<double>> sample)
    {
        var samples = new double[count];
        for (int i = 0; i < count; i++)
            samples[i] = await sample();
        return samples;
    }

    private static double Milliseconds(ShellResult microseconds) => double.Parse(microseconds.StandardOutput, CultureInfo.InvariantCulture) / 1000;

    private static async Task CompileAsync(VirtualMachine vm)
    {
        string program = Path.Combine(Path.GetTempPath(), $"spawn-{Environment.ProcessId}");
        using (Process compiler = Process.Start("musl-gcc", ["-O2", "-static", "-o", program, Path.Combine(AppContext.BaseDirectory, "spawn.c")]))
            await compiler.WaitForExitAsync();
        await vm.Files.PushAsync(program, "/tmp/spawn");
        File.Delete(program);
    }
}
