using System.Text.RegularExpressions;
using TestHarness.Consoles;

namespace TestHarness;

// Waits for what comes first of several.
public sealed partial class SerialConsole
{
    /// <summary>
    /// Waits until the console shows one of several texts. The one that stands first in the log wins, of two at the same place the first in
    /// the list. The search begins where the last match ended.
    /// </summary>
    /// <param name="texts">The texts, compared exactly.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Which it was.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task<ConsoleMatch> WaitForAnyAsync(
        IReadOnlyList<string> texts,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(texts);
        foreach (string text in texts)
            ArgumentException.ThrowIfNullOrEmpty(text, nameof(texts));
        RequireSome(texts.Count, nameof(texts));
        string wanted = string.Join(" or ", texts.Select(text => $"\"{text}\""));
        return WaitAsync($"{wanted} on {_title}", SerialSearch.ForAny(Log, texts), timeout, cancellationToken);
    }

    /// <summary>
    /// Waits until the console shows a match of one of several patterns. The one that begins first in the log wins, of two at the same
    /// place the first in the list. The search begins where the last match ended.
    /// </summary>
    /// <param name="patterns">The patterns; what <see cref="WaitForAsync(Regex, TimeSpan?, CancellationToken)"/> says of one holds for
    /// each.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Which it was.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task<ConsoleMatch> WaitForAnyAsync(
        IReadOnlyList<Regex> patterns,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(patterns);
        RequireSome(patterns.Count, nameof(patterns));
        string wanted = string.Join(" or ", patterns.Select(pattern => $"/{pattern}/"));
        return WaitAsync($"{wanted} on {_title}", SerialSearch.ForAny(Log, patterns), timeout, cancellationToken);
    }

    private static void RequireSome(int count, string name)
    {
        if (count == 0)
            throw new ArgumentException("There is nothing to wait for: name at least one.", name);
    }
}
