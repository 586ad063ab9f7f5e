using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Tool.Machines;

/// <summary>
/// The process that keeps a machine: started by <c>up</c> and <c>start</c>, it outlives them, owns the <see cref="VirtualMachine"/>, and
/// serves all other commands on a unix socket until the guest has shut down or it is told to stop. When it is killed, its QEMU goes with
/// it.
/// </summary>
internal sealed class MachineHost : IAsyncDisposable
{
    private static readonly TimeSpan LeaveLimit = TimeSpan.FromSeconds(2);

    private readonly NamedMachine _machine;
    private readonly VirtualMachine _vm;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly StartLog _steps;
    private readonly CancellationTokenSource _over = new();
    private readonly TaskCompletionSource<bool> _stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string?> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DateTimeOffset _since = Clock.System.GetUtcNow();

    private MachineHost(NamedMachine machine, IProgress<StartProgress>? progress) =>
        (_machine, _steps, _vm) = (
            machine,
            new StartLog(progress),
            new VirtualMachine(machine.ReadSettings().ToSpec(machine.Name, machine.Disks))
        );

    /// <summary>Keeps a machine until it ends.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="progress">Is told the steps of the start.</param>
    /// <param name="whileUp">Is run when the machine is up, and the machine stopped when it ends. Default: it runs until a command stops
    /// it.</param>
    public static async Task<int> RunAsync(
        NamedMachine machine,
        IProgress<StartProgress>? progress = null,
        Func<VirtualMachine, Task>? whileUp = null
    )
    {
        using FileLock? mine = FileLock.TryTake(machine.HostLock);
        if (mine is null)
            return ExitCode.AlreadyRunning;
        var host = new MachineHost(machine, progress);
        await using (host)
            return await host.RunAsync(whileUp);
    }

    public async ValueTask DisposeAsync()
    {
        await _vm.DisposeAsync();
        _listener.Dispose();
        File.Delete(_machine.Socket);
        _over.Dispose();
    }

    private async Task<int> RunAsync(Func<VirtualMachine, Task>? whileUp)
    {
        File.Delete(_machine.Socket);
        _listener.Bind(new UnixDomainSocketEndPoint(_machine.Socket));
        File.SetUnixFileMode(_machine.Socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _listener.Listen();
        if (whileUp is null)
            await Console.Out.WriteLineAsync(HostLauncher.Listens);
        Task serving = ServeAsync();
        using PosixSignalRegistration terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
            signal.Cancel = _stop.TrySetResult(false)
        );
        int exitCode = await KeepAsync(whileUp);
        _ended.SetResult();
        await _over.CancelAsync();
        await serving;
        return exitCode;
    }

    private async Task<int> KeepAsync(Func<VirtualMachine, Task>? whileUp)
    {
        try
        {
            await File.WriteAllTextAsync(_machine.RunningFile, "");
            await _vm.StartAsync(_steps);
            _started.SetResult(null);
        }
        catch (Exception e) when (e is TestHarnessException or IOException)
        {
            File.Delete(_machine.RunningFile);
            _started.SetResult(e.Message);
            await Console.Error.WriteLineAsync(e.Message);
            return ExitCode.Failed;
        }

        using CancellationTokenRegistration ended = _vm.Ended.Register(() => _stop.TrySetResult(false));
        Task used = whileUp?.Invoke(_vm) ?? _stop.Task;
        bool forced = await Task.WhenAny(used, _stop.Task) == _stop.Task && await _stop.Task;
        MachineExit exit = forced ? await _vm.KillAsync() : await _vm.StopAsync();
        await Console.Error.WriteLineAsync($"{Clock.System.GetLocalNow():O} ended: {exit}");
        // A QEMU that went by itself is a crash, and list says so until the next start.
        if (exit.Reason is MachineExitReason.GuestShutdown or MachineExitReason.Killed)
            File.Delete(_machine.RunningFile);
        return 0;
    }

    private async Task ServeAsync()
    {
        List<Task> calls = [];
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptAsync(_over.Token);
                calls.RemoveAll(call => call.IsCompleted);
                calls.Add(ServeAsync(socket));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The machine has ended.
        }

        await Task.WhenAll(calls);
    }

    private async Task ServeAsync(Socket socket)
    {
        var channel = new HostChannel(socket);
        await using (channel)
        {
            try
            {
                if (
                    await channel.ReceiveAsync(_over.Token) is not (FrameKind.Request, var payload)
                    || JsonSerializer.Deserialize(payload, ToolJson.Default.HostRequest) is not { } request
                )
                {
                    return;
                }

                var call = new HostCall(channel, request);
                using var gone = new CancellationTokenSource();
                Task<HostAnswer> answer = AnswerAsync(call, gone.Token);
                Task receiving = call.ReceiveAsync(gone.Token);
                if (await Task.WhenAny(answer, receiving) == answer)
                {
                    await call.AnswerAsync(await answer, CancellationToken.None);
                    // The caller closes first: what it still sends, such as the end of its input, is not to fail.
                    await receiving.WaitAsync(LeaveLimit, Clock.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }

                await gone.CancelAsync();
                await Task.WhenAll(answer, receiving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e)
                when (e is OperationCanceledException or IOException or SocketException or JsonException or InvalidDataException)
            {
                // The caller has gone, or is none of ours.
            }
        }
    }

    private async Task<HostAnswer> AnswerAsync(HostCall call, CancellationToken cancellationToken)
    {
        try
        {
            switch (call.Request.Verb)
            {
                case "status":
                    return Status();
                case "follow":
                    await _steps.FollowAsync(
                        line => call.TellAsync(line, cancellationToken),
                        howFar => call.TellAsync(howFar, cancellationToken),
                        _started.Task,
                        cancellationToken
                    );
                    return await _started.Task is { } failure ? new HostAnswer { ExitCode = ExitCode.Failed, Error = failure } : Status();
                case "stop":
                    _stop.TrySetResult(call.Request.Force);
                    // A start is waited for, unless that is not wanted.
                    if (call.Request.Force && !_started.Task.IsCompleted)
                        await _vm.DisposeAsync();
                    await _ended.Task.WaitAsync(cancellationToken);
                    return new HostAnswer { Text = _vm.Exit?.ToString() ?? "" };
            }

            if (!_started.Task.IsCompleted)
                return new HostAnswer
                {
                    ExitCode = ExitCode.NotRunning,
                    Error = $"Machine '{_machine.Name}' is still starting.\nTry: testvm start {_machine.Name} (waits until it is up)",
                };
            if (_vm.State == MachineState.Paused && call.Request.Verb is not ("resume" or "pause" or "screenshot" or "view" or "monitor"))
                return new HostAnswer
                {
                    ExitCode = ExitCode.NotRunning,
                    Error = $"Machine '{_machine.Name}' is paused.\nTry: testvm resume {_machine.Name}",
                };
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _vm.Ended);
            return HostVerbs.Find(call.Request.Verb) is { } verb
                ? await verb(_vm, call, over.Token)
                : new HostAnswer
                {
                    ExitCode = ExitCode.Usage,
                    Error =
                        $"This machine was started by another testvm, which does not know '{call.Request.Verb}'.\nTry: testvm "
                        + $"stop {_machine.Name}, testvm start {_machine.Name}",
                };
        }
        catch (OperationCanceledException) when (_vm.Ended.IsCancellationRequested)
        {
            return new HostAnswer { ExitCode = ExitCode.NotRunning, Error = $"Machine '{_machine.Name}' has ended: {_vm.Exit}." };
        }
        catch (Exception e)
            when (e
                    is TestHarnessException
                        or AgentException
                        or ArgumentException
                        or InvalidOperationException
                        or IOException
                        or UnauthorizedAccessException
            )
        {
            return new HostAnswer { ExitCode = ExitCode.Failed, Error = e.Message };
        }
    }

    private HostAnswer Status() =>
        new()
        {
            State = _vm.State.ToString().ToLowerInvariant(),
            Since = _since,
            Forwards =
                _vm.State == MachineState.Starting
                    ? []
                    : [.. _vm.Forwards.Select(forward => new MachineForward(forward.Host.Port, forward.GuestPort, forward.Protocol))],
        };
}
