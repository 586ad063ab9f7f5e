using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;

namespace TestHarness.Benchmarks;

/// <summary>What a command costs in a warm guest, beside the same posix_spawn measured by a C program inside it.</summary>
internal static class CommandBenchmark
{
    private const int Rounds = 5;

    public static async Task<IReadOnlyList<Metric>> RunAsync(string image, int count)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image });
        await CompileAsync(vm);
        // The emulator translates what runs for the first time, and the guest has its memory from the host page by page.
        await SampleAsync(40, () => CommandAsync(vm));
        double[] pings = await SampleAsync(count, async () => (await vm.Shell.PingAsync()).TotalMilliseconds);

        // Turn by turn, since a host's speed drifts by more than what is compared.
        await using var reference = await Reference.StartAsync(vm);
        double[] commands = new double[Rounds * count],
            commandsInARow = new double[Rounds * count],
            asked = new double[Rounds * count],
            inARow = new double[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = round * count; i < (round + 1) * count; i++)
            {
                commands[i] = await CommandAsync(vm);
                asked[i] = await reference.AskAsync();
            }

            (await SampleAsync(count, () => CommandAsync(vm))).CopyTo(commandsInARow, round * count);
            inARow[round] = Milliseconds((await vm.Shell.RunAsync(["/tmp/spawn", $"{count}"])).StandardOutput);
        }

        double[] shells = await SampleAsync(count, async () => (await vm.Shell.RunAsync("/bin/true")).Duration.TotalMilliseconds);
        return
        [
            new($"{image}: agent ping", "ms", pings),
            new($"{image}: /bin/true by the agent, one at a time", "ms", commands),
            new($"{image}: posix_spawn of /bin/true inside the guest, one at a time", "ms", asked),
            new($"{image}: /bin/true by the agent, {count} in a row", "ms", commandsInARow),
            new($"{image}: posix_spawn of /bin/true inside the guest, {count} in a row", "ms", inARow),
            new($"{image}: /bin/true by the agent and a shell", "ms", shells),
        ];
    }

    private static async Task<double> CommandAsync(VirtualMachine vm) =>
        (await vm.Shell.RunAsync(["/bin/true"])).Duration.TotalMilliseconds;

    private static async Task<double[]> SampleAsync(int count, Func<Task<double>> sample)
    {
        var samples = new double[count];
        for (int i = 0; i < count; i++)
            samples[i] = await sample();
        return samples;
    }

    private static double Milliseconds(string microseconds) => double.Parse(microseconds, CultureInfo.InvariantCulture) / 1000;

    private static async Task CompileAsync(VirtualMachine vm)
    {
        string program = Path.Combine(Path.GetTempPath(), $"spawn-{Environment.ProcessId}");
        using (
            Process compiler = Process.Start(
                "musl-gcc",
                ["-O2", "-static", "-o", program, Path.Combine(AppContext.BaseDirectory, "spawn.c")]
            )
        )
            await compiler.WaitForExitAsync();
        await vm.Files.PushAsync(program, "/tmp/spawn");
        File.Delete(program);
    }

    /// <summary>
    /// The C program, waiting in the guest: it measures one posix_spawn whenever it is asked, from outside, as an agent is.
    /// </summary>
    private sealed class Reference : IAsyncDisposable
    {
        private readonly Channel<string> _answers = Channel.CreateUnbounded<string>();
        private GuestProcess? _program;

        public static async Task<Reference> StartAsync(VirtualMachine vm)
        {
            var reference = new Reference();
            reference._program = await vm.Shell.StartAsync(
                ["/tmp/spawn"],
                new ShellOptions { OnOutput = line => reference._answers.Writer.TryWrite(line.Text) }
            );
            return reference;
        }

        public async Task<double> AskAsync()
        {
            await _program!.StandardInput.WriteAsync("?"u8.ToArray());
            return Milliseconds(await _answers.Reader.ReadAsync());
        }

        public async ValueTask DisposeAsync() => await _program!.DisposeAsync();
    }
}
