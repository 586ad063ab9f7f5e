using System.Globalization;
using TestHarness.FakeQemu;

// Plays QEMU, for faults that a real one does not produce on demand. The behaviour is named by an argument '--fake=…' at the end of the
// list: exit:CODE:TEXT writes TEXT to standard error and ends with CODE before it connects to anything mute runs and connects to nothing
// no-greeting connects, and says nothing on the monitor greet:WORD connects, says something on the monitor (other-protocol, cut-json,
// huge-line, old-version, not-utf8) and lives on deaf greets and answers the monitor, prints a boot on the serial console, and has no agent
// drop as deaf, and closes the monitor's connection instead of an answer to 'cont', and lives on relay:COMMAND:WAY a real QEMU with its
// monitor led through here; at the first COMMAND the monitor breaks: drop, garbage, silence or refuse Without one, as when the library
// probes the accelerator, it ends at once.
string[] fake = args.LastOrDefault(argument => argument.StartsWith("--fake=", StringComparison.Ordinal))?["--fake=".Length..].Split(':', 3)
    ?? ["exit", "1", ""];
switch (fake[0])
{
    case "exit":
        await Console.Error.WriteAsync(fake[2]);
        return int.Parse(fake[1], CultureInfo.InvariantCulture);
    case "no-greeting":
        using (Channels.Connect("qmp.sock"))
        using (Channels.Connect("agent.sock"))
            await Task.Delay(Timeout.Infinite);
        return 0;
    case "greet":
        await FakeMonitor.GreetWithAsync(fake[1]);
        return 0;
    case "deaf":
        await FakeMonitor.ServeAsync(dropAt: null);
        return 0;
    case "drop":
        await FakeMonitor.ServeAsync(dropAt: "cont");
        return 0;
    case "relay":
        return MonitorRelay.Run([.. args.Where(argument => !argument.StartsWith("--fake=", StringComparison.Ordinal))], fake[1], fake[2]);
    default:
        await Task.Delay(Timeout.Infinite);
        return 0;
}
