using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Commands;

/// <summary><c>testvm console NAME --monitor</c>: lines for QEMU's human monitor, typed or piped in.</summary>
internal static class MonitorCommand
{
    private const string Leave = "quit-monitor";

    public static async Task<int> RunAsync(NamedMachine machine, CancellationToken cancellationToken)
    {
        var prompt = new LinePrompt();
        // Before anything is asked for: a machine that is not running says so at once.
        await CallAsync(machine, "", cancellationToken);
        if (prompt.IsTerminal)
            await Console.Error.WriteLineAsync(
                $"Machine '{machine.Name}': QEMU's monitor. Ctrl-D or {Leave} leaves, help lists what it knows."
            );
        while (await prompt.ReadAsync("(qemu) ", cancellationToken) is { } line && line.Trim() != Leave)
        {
            try
            {
                if (await CallAsync(machine, line, cancellationToken) is { Length: > 0 } output)
                    await Console.Out.WriteAsync(output);
            }
            catch (ToolException e) when (prompt.IsTerminal && e.ExitCode != ExitCode.NotRunning)
            {
                await Console.Error.WriteLineAsync(e.Message);
            }
        }

        return 0;
    }

    private static async Task<string> CallAsync(NamedMachine machine, string line, CancellationToken cancellationToken) =>
        (await HostClient.CallAsync(machine, new HostRequest("monitor") { Text = line }, cancellationToken)).Text;
}
