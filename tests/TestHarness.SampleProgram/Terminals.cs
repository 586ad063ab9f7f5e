using System.Text;
using TestHarness;

namespace TestHarness.SampleProgram;

internal static class Terminals
{
    public static async Task JoinAsync(string way, string? command)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec());
        Console.WriteLine($"guest {vm.ProcessId} {Environment.ProcessId}.");
        using var cancel = new CancellationTokenSource();
        await using var output = new Watched(() => End(way, cancel));
        int code = await vm.Shell.InteractiveAsync(new InteractiveOptions { Command = command, Output = output }, cancel.Token);
        Console.WriteLine($"code {code}.");
    }

    public static async Task AttachAsync()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec());
        await vm.Console.AttachAsync();
        Console.WriteLine($"left. log {vm.Console.Log.PlainText.Contains("42-lives", StringComparison.Ordinal)}.");
    }

    private static void End(string way, CancellationTokenSource cancel)
    {
        switch (way)
        {
            case "throw":
                throw new InvalidOperationException("thrown");
            case "cancel":
                cancel.Cancel();
                break;
            case "exit":
                Environment.Exit(3);
                break;
            case "crash":
                new Thread(() => throw new InvalidOperationException("crashed")).Start();
                break;
            default:
                break;
        }
    }

    // Standard output, and something happens when the guest says "now".
    private sealed class Watched(Action now) : MemoryStream
    {
        private readonly Stream _output = Console.OpenStandardOutput();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await _output.WriteAsync(buffer, cancellationToken);
            if (Encoding.UTF8.GetString(buffer.Span).Contains("now", StringComparison.Ordinal))
                now();
        }
    }
}
