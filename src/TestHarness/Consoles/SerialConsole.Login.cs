using System.Text.RegularExpressions;
using TestHarness.Access;
using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness;

// Logging in at a getty.
public sealed partial class SerialConsole
{
    private const int AsksPassword = 0;
    private const int ShowsPrompt = 1;

    private static readonly TimeSpan LongestEchoAfterPrompt = TimeSpan.FromSeconds(2);

    // A prompt is the last thing on the console, but for what a shell asks of the terminal (busybox: where the cursor is).
    private static readonly Regex[] Answers = [new(@"[Pp]assword: ?"), new(@"[#$%>] (\e\[[0-9;?]*[A-Za-z])*\z"), new("[Ll]ogin incorrect")];

    /// <summary>
    /// Logs in at a getty that waits on the console: Enter for a fresh <c>login:</c>, the user, the password where one is asked for, and
    /// the shell's prompt (one that ends with <c># </c>, <c>$ </c>, <c>% </c> or <c>&gt; </c>). The next search begins behind the prompt.
    /// The password is typed once the guest is idle, after 2 seconds at most, so that the echo is off by then.
    /// </summary>
    /// <param name="user">The user.</param>
    /// <param name="password">The password. Default: none, for a user who is not asked for one.</param>
    /// <param name="timeout">The limit for all of it. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends at the prompt.</returns>
    /// <exception cref="GuestCommandException">The guest refused the user or the password, or asked for a password and there is
    /// none.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public async Task LoginAsync(
        string user,
        string? password = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(user);
        TimeSpan limit = timeout ?? _machine.Scaled(DefaultLimit);
        long began = _machine.Time.GetTimestamp();
        // A restored machine's log has the template's prompt; the one that answers is meant.
        SkipToEnd();
        await WriteLineAsync("", cancellationToken).ConfigureAwait(false);
        await WaitForAsync("login:", Left(), cancellationToken).ConfigureAwait(false);
        await WriteLineAsync(user, cancellationToken).ConfigureAwait(false);
        ConsoleMatch answer = await WaitForAnyAsync(Answers, Left(), cancellationToken).ConfigureAwait(false);
        if (answer.Index == AsksPassword)
        {
            if (password is null)
                throw Refused("a password was asked for, and none was given");
            await WaitForNoEchoAsync().ConfigureAwait(false);
            await WriteLineAsync(password, cancellationToken).ConfigureAwait(false);
            answer = await WaitForAnyAsync(Answers, Left(), cancellationToken).ConfigureAwait(false);
        }

        if (answer.Index != ShowsPrompt)
            throw Refused($"\"{answer.Text}\"");

        // Many a login shows its prompt, then turns the terminal's echo off and drops what was typed by then. Nothing on the console tells
        // when that is done.
        Task WaitForNoEchoAsync() =>
            _machine.GuardAsync(
                $"the guest to read a password on {_title}",
                Left(),
                async token =>
                {
                    await Quiet.WaitAsync(_machine.ProcessId!.Value, LongestEchoAfterPrompt, token).ConfigureAwait(false);
                    return true;
                },
                cancellationToken
            );

        TimeSpan Left() => limit - _machine.Time.GetElapsedTime(began) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

        GuestCommandException Refused(string why) =>
            new(
                _machine.Facts(),
                "login",
                new FailureText($"Machine '{_machine.Name}': the login as '{user}' on {_title} was refused: {why}.")
            );
    }

    private void SkipToEnd()
    {
        lock (_gate)
            _searchFrom = Math.Max(_searchFrom, Log.Length);
    }
}
