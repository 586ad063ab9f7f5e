using TestHarness.Agents;
using TestHarness.Errors;

namespace TestHarness;

// Waits for systemd's units.
public sealed partial class Shell
{
    private const int NoSuchFile = 2;

    // One call for both questions; a guest whose journal can't be read still says that the unit has failed.
    private const string UnitJournal = "systemctl status --no-pager --full --lines=0 -- \"$1\"; journalctl -b --no-pager -n 40 -u \"$1\"";

    /// <summary>
    /// Waits until a unit of the guest's systemd is active. Ends at once when the unit has failed, with its journal in the message; a unit
    /// that systemd is about to restart, or that is not there yet, is waited for.
    /// </summary>
    /// <param name="unit">The unit; without a suffix a service: <c>ssh</c>.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the wait.</returns>
    /// <exception cref="GuestCommandException">The unit has failed, or the guest has no systemd.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out; the message has the unit's last state.</exception>
    /// <exception cref="MachineExitedException">The machine ended; thrown at once.</exception>
    public async Task WaitForUnitAsync(string unit, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(unit);
        string[] show = ["systemctl", "show", "--property=LoadState,ActiveState,SubState,Result", "--", unit];
        await WaitAsync(
                $"the unit '{unit}' to be active",
                timeout,
                async token =>
                {
                    ShellResult shown = await ShowUnitAsync(unit, show, token).ConfigureAwait(false);
                    if (shown.ExitCode != 0)
                        return LastSeen(shown);
                    string[] state = shown.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);
                    if (state.Contains("ActiveState=failed", StringComparer.Ordinal))
                        throw await FailedAsync(unit, shown, token).ConfigureAwait(false);
                    return state.Contains("ActiveState=active", StringComparer.Ordinal) ? null : string.Join(' ', state);
                },
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private async Task<ShellResult> ShowUnitAsync(string unit, string[] show, CancellationToken cancellationToken)
    {
        try
        {
            return await ProbeAsync(show, cancellationToken).ConfigureAwait(false);
        }
        catch (AgentException e) when (e.ErrorNumber == NoSuchFile)
        {
            throw new GuestCommandException(
                _machine.Facts(),
                show[0],
                new FailureText(
                    $"Machine '{_machine.Name}': the unit '{unit}' can't be waited for, because the guest has no systemctl."
                ).Try("WaitUntilSucceedsAsync with a command of the guest's own init, or WaitForPortAsync.")
            );
        }
    }

    private async Task<GuestCommandException> FailedAsync(string unit, ShellResult shown, CancellationToken cancellationToken)
    {
        ShellResult journal = await ProbeAsync(["/bin/sh", "-c", UnitJournal, "sh", unit], cancellationToken).ConfigureAwait(false);
        return new GuestCommandException(
            _machine.Facts(),
            shown.Command,
            new FailureText($"Machine '{_machine.Name}': the unit '{unit}' has failed; it was waited for to be active.")
                .Add("State", shown.StandardOutput)
                .Add("Journal", _machine.TailWithoutSecrets(journal, lines: 60))
        );
    }
}
