using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using TestHarness;

namespace TestHarness.SampleProgram;

internal static class Machines
{
    public static async Task HoldAsync(string[] qemu)
    {
        var spec = new MachineSpec
        {
            QemuPath = qemu.Length > 0 ? qemu[0] : null,
            ExtraQemuArguments = qemu.Length > 1 ? [$"--fake={qemu[1]}"] : [],
            Start = qemu.Length > 0 ? StartMode.Cold : StartMode.Warm,
        };
        var vm = new VirtualMachine(spec);
        Task start = vm.StartAsync();
        while (vm.ProcessId is null && !start.IsCompleted)
            await Task.Delay(5);
        Console.WriteLine($"qemu {vm.ProcessId} {new FileInfo($"/proc/{vm.ProcessId}/cwd").LinkTarget}");
        await start;
        Console.WriteLine("running");
        await Task.Delay(Timeout.Infinite);
    }

    public static async Task BuildAsync(string image)
    {
        await using var vm = new VirtualMachine(new MachineSpec { Image = image, Start = StartMode.Cold });
        await vm.StartAsync(new StepWriter());
        Console.WriteLine("running");
    }

    public static async Task RunAsync(MachineSpec spec)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec);
        Console.WriteLine((await vm.Shell.RunAsync("uname")).StandardOutput.Trim());
        Console.WriteLine(vm.StartNote ?? "warm");
    }

    public static async Task LayersAsync(string name)
    {
        var spec = new MachineSpec
        {
            Setup = [.. Enumerable.Range(1, 5).Select(step => SetupStep.Run($"echo {name} {step} | tee -a /root/steps > /dev/shm/last"))],
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, new StepLines());
        Console.WriteLine((await vm.Shell.RunAsync("cat /root/steps /dev/shm/last")).StandardOutput.Replace('\n', ';'));
    }

    public static Task FillAsync() => FailAsync(new MachineSpec(), "dd if=/dev/zero of=/big bs=1M count=200; sync");

    // A cold start, for the memory file of a template's maker would count as well.
    public static Task EatAsync() =>
        FailAsync(
            new MachineSpec { MemoryMiB = 1024, Start = StartMode.Cold },
            "mkdir /eaten; mount -t tmpfs -o size=900m none /eaten; dd if=/dev/urandom of=/eaten/all bs=1M count=800"
        );

    private static async Task FailAsync(MachineSpec spec, string command)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec);
        await vm.Shell.RunAsync("true");
        long began = Stopwatch.GetTimestamp();
        try
        {
            await vm.Shell.RunAsync(command);
        }
        catch (TestHarnessException)
        {
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"failed after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s")
            );
            throw;
        }
    }

    // Asked over a second monitor of QEMU's, so that the answer is QEMU's and not the library's.
    public static async Task ListDisksAsync()
    {
        var spec = new MachineSpec
        {
            Start = StartMode.Cold,
            Disks = [new Disk(16)],
            ExtraQemuArguments = ["-qmp", "unix:second.sock,server=on,wait=off"],
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint($"/proc/{vm.ProcessId}/cwd/second.sock"));
        await using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        await reader.ReadLineAsync();
        foreach (string command in (string[])["qmp_capabilities", "query-named-block-nodes"])
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes($"{{\"execute\":\"{command}\"}}\n"));
            Console.WriteLine($"{command} {await reader.ReadLineAsync()}");
        }
    }

    // All are up before the first goes on, and all are busy at the same time.
    public static async Task CloneAsync(int count, string image)
    {
        var up = new CountdownEvent(count);
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await Task.WhenAll(
            Enumerable
                .Range(0, count)
                .Select(_ =>
                    Task.Run(async () =>
                    {
                        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image });
                        if (up.Signal())
                            all.SetResult();
                        await all.Task;
                        DateTimeOffset asked = DateTimeOffset.UtcNow;
                        string[] answer = (
                            await vm.Shell.RunAsync(
                                "head -c 16 /dev/urandom | od -An -v -tx1 | tr -d ' \\n'; echo; cat /etc/machine-id 2>/dev/null "
                                    + "|| hostname; hostname; date +%s"
                            )
                        ).StandardOutput.Split('\n');
                        double wrong = Outside(long.Parse(answer[3], CultureInfo.InvariantCulture), asked, DateTimeOffset.UtcNow);
                        await vm.Shell.RunAsync("i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done");
                        Console.WriteLine(
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"clone {answer[0]} {answer[1]} {answer[2]} {wrong:0.000} {vm.IsWarm}"
                            )
                        );
                    })
                )
        );
    }

    // faketime(1): what the file says is added to the clock, a second later at most (FAKETIME_CACHE_DURATION); Stopwatch's monotonic clock
    // goes on.
    public static async Task StepClockAsync(string file, string step)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec());
        DateTimeOffset before = DateTimeOffset.UtcNow;
        long began = Stopwatch.GetTimestamp();
        Task<ShellResult> command = vm.Shell.RunAsync("sleep 2", new ShellOptions { Timeout = TimeSpan.FromSeconds(20) });
        Task limit = vm.Shell.RunAsync("sleep 60", new ShellOptions { Timeout = TimeSpan.FromSeconds(2) });
        await File.WriteAllTextAsync(file, step);
        await command;
        await limit.ContinueWith(_ => { }, TaskScheduler.Default);
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"waited {took.TotalSeconds:0.0} s while the clock went {(DateTimeOffset.UtcNow - before - took).TotalHours:0.0} "
                    + $"hours: {limit.Exception?.InnerException?.GetType().Name}"
            )
        );
        await using VirtualMachine next = await VirtualMachine.StartAsync(new MachineSpec());
        DateTimeOffset asked = DateTimeOffset.UtcNow;
        long answer = long.Parse((await next.Shell.RunAsync("date +%s")).StandardOutput, CultureInfo.InvariantCulture);
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"next {Outside(answer, asked, DateTimeOffset.UtcNow):0.000} {next.IsWarm}")
        );
    }

    // By how many seconds a clock that shows whole seconds was wrong, if it was read between two moments.
    private static double Outside(long seconds, DateTimeOffset from, DateTimeOffset to)
    {
        var read = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return Math.Max(0, Math.Max((from - read).TotalSeconds - 1, (read - to).TotalSeconds));
    }

    private sealed class StepWriter : IProgress<StartProgress>
    {
        private string? _last;

        public void Report(StartProgress value)
        {
            if (Interlocked.Exchange(ref _last, value.Step) != value.Step)
                Console.WriteLine(value.Step);
        }
    }

    private sealed class StepLines : IProgress<StartProgress>
    {
        public void Report(StartProgress value) => Console.WriteLine(value.Step);
    }
}
