using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using TestHarness.Agents;

namespace TestHarness.Tests.Agents;

/// <summary>The agent as it is embedded in the library, on this host: a unix socket stands in for the virtio port.</summary>
internal sealed class CompiledAgent : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private static readonly Lazy<string> Program = new(Extract);

    private CompiledAgent(Process process, NetworkStream transport)
    {
        Process = process;
        Transport = transport;
        Connection = new AgentConnection(transport);
    }

    public Process Process { get; }

    /// <summary>The bare socket, for those who speak the protocol themselves.</summary>
    public NetworkStream Transport { get; }

    public AgentConnection Connection { get; }

    /// <summary>Starts an agent; nothing has been said to it yet.</summary>
    public static Task<CompiledAgent> StartAsync(CancellationToken cancellationToken) => StartAsync(Program.Value, cancellationToken);

    /// <summary>Starts an agent that was built in another way.</summary>
    public static async Task<CompiledAgent> StartAsync(string program, CancellationToken cancellationToken)
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("agent-").FullName, "s");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        Process process = Process.Start(new ProcessStartInfo(program, ["--connect", path]) { UseShellExecute = false })!;
        Socket accepted = await listener.AcceptAsync(cancellationToken).AsTask().WaitAsync(Limit, cancellationToken);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        return new CompiledAgent(process, new NetworkStream(accepted, ownsSocket: true));
    }

    /// <summary>Starts an agent that is in step with <see cref="Connection"/>.</summary>
    public static async Task<CompiledAgent> ConnectAsync(CancellationToken cancellationToken)
    {
        CompiledAgent agent = await StartAsync(cancellationToken);
        await agent.Connection.HandshakeAsync(cancellationToken);
        return agent;
    }

    public async ValueTask DisposeAsync()
    {
        await Connection.DisposeAsync();
        await Process.WaitForExitAsync(CancellationToken.None).WaitAsync(Limit);
        Process.Dispose();
    }

    private static string Extract()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("agent-").FullName, "testharness-agent");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        // Another process writes it: were it open for writing here while a test next to this one starts a process, that one would inherit
        // the descriptor for a moment, and nobody could execute the file ("text file busy").
        using Process writer = Process.Start(
            new ProcessStartInfo("sh", ["-c", "cat > \"$0\" && chmod 755 \"$0\"", path])
            {
                RedirectStandardInput = true,
                UseShellExecute = false,
            }
        )!;
        using (Stream resource = typeof(AgentConnection).Assembly.GetManifestResourceStream("agent/amd64/testharness-agent")!)
            resource.CopyTo(writer.StandardInput.BaseStream);
        writer.StandardInput.Close();
        writer.WaitForExit();
        return path;
    }
}

/// <summary>What a command left.</summary>
internal sealed record CommandResult(AgentExit Exit, byte[] Output, byte[] Error)
{
    public string Text => Encoding.UTF8.GetString(Output);

    public string ErrorText => Encoding.UTF8.GetString(Error);
}

internal static class AgentTestExtensions
{
    /// <summary>Runs a command to its end, with this as its whole input.</summary>
    public static async Task<CommandResult> RunToEndAsync(
        this AgentConnection connection,
        AgentCommand command,
        byte[]? input,
        CancellationToken cancellationToken
    )
    {
        await using AgentProcess process = await connection.RunAsync(command, cancellationToken);
        Task<byte[]> output = ReadAllAsync(process.StandardOutput, cancellationToken);
        Task<byte[]> error = ReadAllAsync(process.StandardError, cancellationToken);
        if (input is not null)
            await process.StandardInput.WriteAsync(input, cancellationToken);
        await process.StandardInput.DisposeAsync();
        AgentExit exit = await process.Exit.WaitAsync(cancellationToken);
        return new CommandResult(exit, await output, await error);
    }

    public static Task<CommandResult> RunToEndAsync(this AgentConnection connection, string script, CancellationToken cancellationToken) =>
        connection.RunToEndAsync(Script(script), input: null, cancellationToken);

    public static AgentCommand Script(string script) => new(["/bin/sh", "-c", script]);

    public static async Task<byte[]> ReadAllAsync(Stream stream, CancellationToken cancellationToken)
    {
        using var all = new MemoryStream();
        await stream.CopyToAsync(all, cancellationToken);
        return all.ToArray();
    }

    /// <summary>Reads up to and with a line end.</summary>
    public static async Task<string> ReadLineAsync(Stream stream, CancellationToken cancellationToken)
    {
        var line = new List<byte>();
        byte[] one = new byte[1];
        while (await stream.ReadAsync(one, cancellationToken) == 1 && one[0] != '\n')
            line.Add(one[0]);
        return Encoding.UTF8.GetString([.. line]).TrimEnd('\r');
    }

    /// <summary>The processes that a process has started and not reaped.</summary>
    public static int[] ChildrenOf(int processId) =>
        [
            .. File.ReadAllText($"/proc/{processId}/task/{processId}/children")
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(id => int.Parse(id, CultureInfo.InvariantCulture)),
        ];

    /// <summary>Whether a process runs; one that is dead and only not yet reaped does not.</summary>
    public static bool IsRunning(int processId)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{processId}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    public static async Task WaitUntilGoneAsync(int processId, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        while (IsRunning(processId))
            await Task.Delay(5, limit.Token);
    }

    /// <summary>Lists the processes in whose environment a text is.</summary>
    public static string[] ProcessesWith(string text)
    {
        return [.. Directory.EnumerateDirectories("/proc").Where(HasInEnvironment)];

        bool HasInEnvironment(string folder)
        {
            try
            {
                return char.IsAsciiDigit(folder[^1])
                    && File.ReadAllText(Path.Combine(folder, "environ")).Contains(text, StringComparison.Ordinal);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended, or is somebody else's.
                return false;
            }
        }
    }
}
