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
        double[] pings = new double[count], commands = new double[count], shells = new double[count], spawns = new double[count];
        for (int i = -5; i < count; i++)
        {
            // Interleaved, so that all see the same host; the first rounds only warm up.
            TimeSpan ping = await vm.Shell.PingAsync();
            TimeSpan command = (await vm.Shell.RunAsync(["/bin/true"])).Duration;
            TimeSpan shell = (await vm.Shell.RunAsync("/bin/true")).Duration;
            string spawn = (await vm.Shell.RunAsync(["/tmp/spawn", "20"])).StandardOutput;
            if (i < 0)
                continue;
            pings[i] = ping.TotalMilliseconds;
            commands[i] = command.TotalMilliseconds;
            shells[i] = shell.TotalMilliseconds;
            spawns[i] = double.Parse(spawn, CultureInfo.InvariantCulture) / 1000;
        }

        return
        [
            new($"{image}: agent ping", "ms", pings),
            new($"{image}: /bin/true by the agent", "ms", commands),
            new($"{image}: /bin/true by the agent and a shell", "ms", shells),
            new($"{image}: posix_spawn of /bin/true inside the guest", "ms", spawns),
        ];
    }

    private static async Task CompileAsync(VirtualMachine vm)
    {
        string program = Path.Combine(Path.GetTempPath(), $"spawn-{Environment.ProcessId}");
        using (Process compiler = Process.Start("musl-gcc", ["-O2", "-static", "-o", program, Path.Combine(AppContext.BaseDirectory, "spawn.c")]))
            await compiler.WaitForExitAsync();
        await vm.Files.PushAsync(program, "/tmp/spawn");
        File.Delete(program);
    }
}
