using System.Net.Sockets;
using System.Text;

// Plays QEMU, for faults that a real one does not produce on demand. The behaviour is named by an argument '--fake=…' at the end of the list:
//   exit:CODE:TEXT   writes TEXT to standard error and ends with CODE before it connects to anything
//   mute             runs and connects to nothing
//   no-greeting      connects, and says nothing on the monitor
//   deaf             greets and answers the monitor, prints a boot on the serial console, and has no agent
// Without one, as when the library probes the accelerator, it ends at once.
string[] fake = args.LastOrDefault(argument => argument.StartsWith("--fake=", StringComparison.Ordinal))?["--fake=".Length..].Split(':', 3) ?? ["exit", "1", ""];
switch (fake[0])
{
    case "exit":
        await Console.Error.WriteLineAsync(fake[2]);
        return int.Parse(fake[1], System.Globalization.CultureInfo.InvariantCulture);
    case "no-greeting":
        using (Connect("qmp.sock"))
        using (Connect("agent.sock"))
            await Task.Delay(Timeout.Infinite);
        return 0;
    case "deaf":
        await ServeMonitorAsync();
        return 0;
    default:
        await Task.Delay(Timeout.Infinite);
        return 0;
}

// The working directory is the machine's folder, as for the real one.
static Socket Connect(string name)
{
    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    socket.Connect(new UnixDomainSocketEndPoint(name));
    return socket;
}

static async Task ServeMonitorAsync()
{
    await using var monitor = new NetworkStream(Connect("qmp.sock"), ownsSocket: true);
    await using FileStream serial = new("serial.out", FileMode.Open, FileAccess.Write);
    using Socket agent = Connect("agent.sock");
    await monitor.WriteAsync(Encoding.UTF8.GetBytes("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"));
    await serial.WriteAsync(Encoding.UTF8.GetBytes("[    0.000000] Linux version fake\r\n"));
    await serial.FlushAsync();
    using var reader = new StreamReader(monitor);
    while (await reader.ReadLineAsync() is { } line)
    {
        using var request = System.Text.Json.JsonDocument.Parse(line);
        long id = request.RootElement.GetProperty("id").GetInt64();
        await monitor.WriteAsync(Encoding.UTF8.GetBytes($"{{\"return\": {{}}, \"id\": {id}}}\r\n"));
    }
}
