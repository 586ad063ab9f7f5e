using System.Net;
using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness;

// Waits for what services in the guest say.
public sealed partial class Shell
{
    private static readonly TimeSpan HttpLook = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Waits until a web server answers a GET with a status of 200 to 299. The request comes from inside the guest, without a forwarded
    /// port or a program there; a redirection is not followed.
    /// </summary>
    /// <param name="address">The address as the guest sees it, such as <c>http://127.0.0.1:8080/health</c>; <c>http</c> only.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the wait.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out; the message has the last answer.</exception>
    /// <exception cref="MachineExitedException">The machine ended; thrown at once.</exception>
    public async Task WaitForHttpAsync(Uri address, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || address.Scheme != Uri.UriSchemeHttp)
            throw new ArgumentException($"\"{address}\" is no address such as http://127.0.0.1:8080/.", nameof(address));
        using var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            ConnectCallback = async (context, token) =>
            {
                AgentConnection agent = await _guest.ReadyAsync(token).ConfigureAwait(false);
                return await agent.ConnectAsync(AddressOf(context.DnsEndPoint), context.DnsEndPoint.Port, token).ConfigureAwait(false);
            },
        };
        using var client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        await WaitAsync($"an answer of {address} in the guest", timeout, LookAsync, cancellationToken).ConfigureAwait(false);

        async Task<string?> LookAsync(CancellationToken token)
        {
            using Deadline limit = _machine.Time.Limit(_machine.Scaled(HttpLook), token);
            try
            {
                using HttpResponseMessage answer = await client
                    .GetAsync(address, HttpCompletionOption.ResponseHeadersRead, limit.Token)
                    .ConfigureAwait(false);
                return answer.IsSuccessStatusCode ? null : $"status {(int)answer.StatusCode} {answer.ReasonPhrase}";
            }
            catch (HttpRequestException e)
            {
                return (e.InnerException as AgentException)?.Message ?? e.Message;
            }
            catch (OperationCanceledException) when (!token.IsCancellationRequested)
            {
                return $"no answer within {_machine.Scaled(HttpLook).TotalSeconds:0} s";
            }
        }
    }

    /// <summary>Waits until a line of the guest's journal since its boot has a text in it; a line of before counts, too.</summary>
    /// <param name="text">The text, literally.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the wait.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out; the message has the journal's last lines.</exception>
    /// <exception cref="MachineExitedException">The machine ended; thrown at once.</exception>
    public async Task WaitForJournalAsync(string text, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        await WaitAsync(
                $"\"{_machine.WithoutSecrets(text)}\" in the guest's journal",
                timeout,
                async token =>
                {
                    ShellResult found = await ProbeAsync(["/bin/sh", "-c", InJournal, "sh", text], token).ConfigureAwait(false);
                    return found.ExitCode == 0 ? null : LastSeen(found);
                },
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private const string InJournal = """
        journalctl -b -q --no-pager -o cat | grep -qF -e "$1" && exit 0
        journalctl -b -q --no-pager -o cat -n 10
        exit 1
        """;

    // The agent takes addresses; the guest's own name of itself is the one that every guest has.
    private static string AddressOf(DnsEndPoint host) => host.Host == "localhost" ? "127.0.0.1" : host.Host.Trim('[', ']');
}
