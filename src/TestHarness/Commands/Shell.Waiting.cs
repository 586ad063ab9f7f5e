using System.Globalization;
using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness;

// Waits for a state of the guest, which is asked for again and again.
public sealed partial class Shell
{
    private static readonly TimeSpan WaitLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    // What a wait reads of a command that it runs.
    private static readonly ShellOptions ProbeOptions = new() { MaxOutputBytes = 256 * 1024 };

    /// <summary>Looks whether what is waited for is there; if not, the text says what is there instead.</summary>
    private delegate Task<string?> Probe(CancellationToken cancellationToken);

    /// <summary>Runs a command again and again, until its exit code is 0.</summary>
    /// <param name="command">The command, as a shell takes it.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The result of the run that succeeded.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out; the message has the last exit code and output.</exception>
    /// <exception cref="MachineExitedException">The machine ended; thrown at once.</exception>
    public Task<ShellResult> WaitUntilSucceedsAsync(
        string command,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) => WaitForCommandAsync("succeed", command, exitCode => exitCode == 0, timeout, cancellationToken);

    /// <summary>Runs a command again and again, until its exit code is not 0.</summary>
    /// <param name="command">The command, as a shell takes it.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The result of the run that failed.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out; the message has the last output.</exception>
    /// <exception cref="MachineExitedException">The machine ended; thrown at once.</exception>
    public Task<ShellResult> WaitUntilFailsAsync(string command, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        WaitForCommandAsync("fail", command, exitCode => exitCode != 0, timeout, cancellationToken);

    /// <summary>Waits until a path exists in the guest: a file, a folder, or anything else that a path can name.</summary>
    /// <param name="path">The path, absolute.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the wait.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out; the message names the first folder on the way that is missing.</exception>
    /// <exception cref="MachineExitedException">The machine ended; thrown at once.</exception>
    public async Task WaitForFileAsync(string path, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        GuestPath.RequireAbsolute(path);
        await WaitAsync(
                $"the file '{path}' in the guest",
                timeout,
                async token =>
                {
                    ShellResult found = await ProbeAsync(["/bin/sh", "-c", MissingPart, "sh", path], token).ConfigureAwait(false);
                    return found.ExitCode == 0 ? null : $"{found.StandardOutput}{found.StandardError} does not exist";
                },
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    /// <summary>Waits until something in the guest takes connections on a TCP port, by opening one and closing it again.</summary>
    /// <param name="port">The port.</param>
    /// <param name="address">The address in the guest, IPv4 or IPv6. Default: <see langword="null"/>, 127.0.0.1, then ::1.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the wait.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out; the message has the guest's last refusal.</exception>
    /// <exception cref="MachineExitedException">The machine ended; thrown at once.</exception>
    public async Task WaitForPortAsync(
        int port,
        string? address = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, ushort.MaxValue);
        string[] addresses = address is null ? ["127.0.0.1", "::1"] : [address];
        await WaitAsync(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"a listener on TCP port {port} of {string.Join(" or ", addresses)} in the guest"
                ),
                timeout,
                token => ConnectAsync(addresses, port, token),
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    // The last folder that is there is found from the end, so that a path with a typing error shows where it goes wrong.
    private const string MissingPart = """
        [ -e "$1" ] || [ -L "$1" ] && exit 0
        missing=$1
        while folder=${missing%/*}; [ -n "$folder" ] && [ ! -e "$folder" ]; do missing=$folder; done
        printf '%s' "$missing"
        exit 1
        """;

    private async Task<ShellResult> WaitForCommandAsync(
        string end,
        string command,
        Func<int, bool> isEnd,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(command);
        ShellResult? last = null;
        await WaitAsync(
                $"the command to {end}: {_machine.WithoutSecrets(command)}",
                timeout,
                async token =>
                {
                    last = await ProbeAsync(["/bin/sh", "-c", command], token).ConfigureAwait(false) with
                    {
                        Command = _machine.WithoutSecrets(command),
                    };
                    return isEnd(last.ExitCode) ? null : LastSeen(last);
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        return last!;
    }

    private async Task<string?> ConnectAsync(string[] addresses, int port, CancellationToken cancellationToken)
    {
        AgentConnection agent = await _guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        string refusal = "";
        foreach (string address in addresses)
        {
            try
            {
                (await agent.ConnectAsync(address, port, cancellationToken).ConfigureAwait(false)).Dispose();
                return null;
            }
            catch (AgentException e)
            {
                refusal += $"{e.Message}\n";
            }
        }

        return refusal;
    }

    /// <summary>Runs a short command that is no entry of the timeline.</summary>
    internal async Task<ShellResult> ProbeAsync(IReadOnlyList<string> words, CancellationToken cancellationToken) =>
        await RunCoreAsync(ShellQuote.Join(words), words, ProbeOptions, new OutputCollector(ProbeOptions.MaxOutputBytes), cancellationToken)
            .ConfigureAwait(false);

    private string LastSeen(ShellResult result)
    {
        string output = _machine.TailWithoutSecrets(result, lines: 10);
        return output.Length == 0 ? $"exit code {result.ExitCode}, no output" : $"exit code {result.ExitCode}\n{output}";
    }

    private async Task WaitAsync(string waitedFor, TimeSpan? timeout, Probe probe, CancellationToken cancellationToken)
    {
        string seen = "the first look did not end";
        try
        {
            await _machine
                .GuardAsync(
                    waitedFor,
                    timeout ?? _machine.Scaled(WaitLimit),
                    async token =>
                    {
                        for (TimeSpan pause = FirstPause; ; pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause)
                        {
                            // Fails where the guest does not come back; a guest that reboots in the middle of a look is looked at again.
                            await _guest.ReadyAsync(token).ConfigureAwait(false);
                            try
                            {
                                if (await probe(token).ConfigureAwait(false) is not { } missing)
                                    return true;
                                seen = missing;
                            }
                            catch (AgentLostException e)
                            {
                                seen = e.Message;
                            }

                            await _machine.Time.Delay(pause, token).ConfigureAwait(false);
                        }
                    },
                    cancellationToken,
                    lastSeen: () => seen
                )
                .ConfigureAwait(false);
        }
        catch (AgentException e)
        {
            throw new GuestCommandException(_machine.Facts(), waitedFor, e.Message, e);
        }
    }
}
