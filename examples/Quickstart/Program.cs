using Quickstart;
using TestHarness;

// Boots a machine, runs two commands in it, takes a screenshot, and says how long each step took.
string image = args.Length > 0 ? args[0] : "tiny";
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};

try
{
    using var steps = new StepPrinter();
    await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image }, steps, stop.Token);
    await steps.RunAsync("uname -sr", async () => (await vm.Shell.RunAsync("uname -sr", cancellationToken: stop.Token)).StandardOutput);
    await steps.RunAsync("id", async () => (await vm.Shell.RunAsync("id", cancellationToken: stop.Token)).StandardOutput);
    await steps.RunAsync("screenshot", async () =>
    {
        string file = Path.Combine(Path.GetTempPath(), $"testharness-{Environment.UserName}-{image.Replace('/', '_')}.png");
        Screenshot shot = await vm.Screen.CaptureAsync(stop.Token);
        await shot.SaveAsync(file, stop.Token);
        return $"{file} ({shot.Width}x{shot.Height})";
    });
    return 0;
}
catch (Exception e) when (e is TestHarnessException or OperationCanceledException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
