using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using TestHarness.Commands;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Tool.Machines;

/// <summary>A command's side of the talk with the process that keeps a machine.</summary>
internal static class HostClient
{
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(3);

    /// <summary>Asks something that is answered at once; <see langword="null"/> where nobody keeps the machine.</summary>
    public static async Task<HostAnswer?> TryAskAsync(NamedMachine machine, HostRequest request, CancellationToken cancellationToken)
    {
        using Deadline limit = Clock.System.Limit(AskLimit, cancellationToken);
        try
        {
            HostChannel? channel = await machine.TryConnectAsync(limit.Token);
            if (channel is null)
                return null;
            await using (channel)
            {
                await channel.SendAsync(FrameKind.Request, request, ToolJson.Default.HostRequest, limit.Token);
                return await ReceiveAsync(channel, limit.Token);
            }
        }
        catch (Exception e)
            when (e is OperationCanceledException or JsonException or InvalidDataException or IOException
                && !cancellationToken.IsCancellationRequested
            )
        {
            throw new ToolException(
                ExitCode.Failed,
                $"The process that keeps machine '{machine.Name}' does not answer ({FileLock.ReadOwner(machine.HostLock)}).\nTry: "
                    + $"see whether it is stopped; when it is killed, testvm start {machine.Name} goes on from the disks"
            );
        }
    }

    /// <summary>Has something done; its progress is shown on standard error.</summary>
    /// <exception cref="ToolException">The machine is not running, or it failed.</exception>
    public static async Task<HostAnswer> CallAsync(NamedMachine machine, HostRequest request, CancellationToken cancellationToken)
    {
        HostChannel channel = await machine.ConnectAsync(cancellationToken);
        await using (channel)
        {
            await channel.SendAsync(FrameKind.Request, request, ToolJson.Default.HostRequest, cancellationToken);
            return Require(machine, await ReceiveAsync(channel, cancellationToken));
        }
    }

    /// <summary>Has something done with this process's terminal or standard streams joined to it.</summary>
    /// <returns>The answer; <see langword="null"/> where the person left.</returns>
    public static async Task<HostAnswer?> JoinAsync(
        NamedMachine machine,
        HostRequest request,
        bool isTerminal,
        CancellationToken cancellationToken
    )
    {
        HostChannel channel = await machine.ConnectAsync(cancellationToken);
        await using (channel)
        {
            // First, for the terminal tells its size as soon as it is taken.
            await channel.SendAsync(FrameKind.Request, request, ToolJson.Default.HostRequest, cancellationToken);
            using CallerTerminal? terminal = isTerminal
                ? CallerTerminal.TryTake((columns, rows) => _ = SendSizeAsync(channel, columns, rows))
                : null;
            if (terminal is not null)
                await CallerJoin.TellAsync(machine.Name);
            using var join = new CallerJoin(terminal is not null);
            _ = join.PassOnAsync(
                async (bytes, token) => await channel.SendAsync(FrameKind.Input, bytes, token),
                async () => await channel.SendAsync(FrameKind.Input, default, cancellationToken),
                cancellationToken
            );
            Task<HostAnswer?> answer = ReceiveAsync(channel, cancellationToken);
            return await Task.WhenAny(answer, join.Left) == answer ? Require(machine, await answer) : null;
        }
    }

    /// <summary>Has something done without input; what it writes is in the result.</summary>
    /// <exception cref="ToolException">The machine is not running, or it failed.</exception>
    public static async Task<HostResult> CollectAsync(NamedMachine machine, HostRequest request, CancellationToken cancellationToken)
    {
        HostChannel channel = await machine.ConnectAsync(cancellationToken);
        await using (channel)
        {
            using var output = new MemoryStream();
            using var error = new MemoryStream();
            await channel.SendAsync(FrameKind.Request, request, ToolJson.Default.HostRequest, cancellationToken);
            await channel.SendAsync(FrameKind.Input, default, cancellationToken);
            HostAnswer answer = Require(machine, await ReceiveAsync(channel, output, error, cancellationToken));
            return new HostResult(answer, output.ToArray(), error.ToArray());
        }
    }

    private static HostAnswer Require(NamedMachine machine, HostAnswer? answer)
    {
        if (answer is null)
            throw new ToolException(
                ExitCode.NotRunning,
                $"Machine '{machine.Name}' ended before it answered.\nTry: testvm status {machine.Name}, and {machine.LogFile}"
            );
        return answer.Error is { } error ? throw new ToolException(answer.ExitCode, error) : answer;
    }

    private static Task SendSizeAsync(HostChannel channel, int columns, int rows)
    {
        byte[] size = new byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(size, (ushort)columns);
        BinaryPrimitives.WriteUInt16LittleEndian(size.AsSpan(2), (ushort)rows);
        return channel.SendAsync(FrameKind.Size, size, CancellationToken.None);
    }

    // Until the answer, which comes last; null where the other side has gone.
    private static async Task<HostAnswer?> ReceiveAsync(HostChannel channel, CancellationToken cancellationToken)
    {
        using Stream output = Console.OpenStandardOutput(),
            error = Console.OpenStandardError();
        return await ReceiveAsync(channel, output, error, cancellationToken);
    }

    private static async Task<HostAnswer?> ReceiveAsync(
        HostChannel channel,
        Stream output,
        Stream error,
        CancellationToken cancellationToken
    )
    {
        await using var steps = new StepDisplay();
        while (await channel.ReceiveAsync(cancellationToken) is var (kind, payload))
        {
            switch (kind)
            {
                case FrameKind.Output:
                    await output.WriteAsync(payload, cancellationToken);
                    await output.FlushAsync(cancellationToken);
                    break;
                case FrameKind.Error:
                    await error.WriteAsync(payload, cancellationToken);
                    break;
                case FrameKind.Progress:
                    steps.Report(new StartProgress(Encoding.UTF8.GetString(payload)));
                    break;
                case FrameKind.HowFar when StepDisplay.IsTerminal:
                    steps.Report(JsonSerializer.Deserialize(payload, ToolJson.Default.StartProgress)!);
                    break;
                case FrameKind.Exit when payload.Length == HostAnswer.ExitBytes:
                    return HostAnswer.FromExit(payload);
                case FrameKind.Answer:
                    HostAnswer answer = JsonSerializer.Deserialize(payload, ToolJson.Default.HostAnswer)!;
                    if (answer.Error is null)
                        steps.Succeed();
                    return answer;
            }
        }

        return null;
    }
}

/// <summary>How a request ended, and what it wrote.</summary>
internal sealed record HostResult(HostAnswer Answer, byte[] Output, byte[] Error);
