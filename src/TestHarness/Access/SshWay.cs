using System.Net;
using System.Net.Sockets;
using System.Text;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>
/// SSH: sshd's banner, the host key, the login, and then the agent, which talks over the session. Each step has a name, and a limit of its
/// own.
/// </summary>
internal sealed class SshWay(SshAccess access, SshFiles files, IPEndPoint host, Func<TimeSpan, TimeSpan> scaled) : WayIn
{
    private static readonly TimeSpan BannerLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan SessionLimit = TimeSpan.FromSeconds(30);

    // cloud-init may still be about to install the key.
    private static readonly TimeSpan RefusalLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromMilliseconds(200);

    private readonly CancellationTokenSource _disposed = new();
    private SshProcess? _session;
    private volatile bool _entering;
    private volatile string _state = "no answer yet";

    public override GuestAccess Kind => GuestAccess.Ssh;

    public override bool OutlivesReboot => false;

    public override bool IsEntering => _entering;

    public override string State => $"SSH as {access.User} on the guest's port {access.Port}: {_state}";

    private string Identity => access.IdentityFile ?? files.Identity;

    public SshDetails Details =>
        new()
        {
            Host = host,
            User = access.User,
            IdentityFile = Identity,
            KnownHostsFile = files.KnownHosts,
            HostKeyAlias = SshFiles.Alias,
            Arguments = SshArguments.For(files, Identity, host, access.User),
        };

    public override async Task<AgentConnection> ConnectAsync(bool restored, CancellationToken cancellationToken)
    {
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposed.Token);
        long refusedSince = 0;
        while (true)
        {
            await AnswersAsync(wait.Token).ConfigureAwait(false);
            SshProcess session = await StartAsync().ConfigureAwait(false);
            _entering = true;
            AgentConnection? agent = await FindAgentAsync(session, wait.Token).ConfigureAwait(false);
            _entering = false;
            if (agent is not null)
            {
                _session = session;
                _state = "connected";
                return agent;
            }

            await session.DisposeAsync().ConfigureAwait(false);
            Judge(await session.Exited.ConfigureAwait(false), session.StandardError.Trim(), ref refusedSince);
            await Clock.System.Delay(BetweenAttempts, wait.Token).ConfigureAwait(false);
        }
    }

    public override void GuestWasReset() => _session?.Dispose();

    public override Task DetachAsync() => _session?.CloseAsync() ?? Task.CompletedTask;

    public override async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync().ConfigureAwait(false);
        if (_session is not null)
            await _session.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Waits until an sshd answers.</summary>
    // QEMU accepts on the guest's behalf, so only the banner (RFC 4253, section 4.2) tells that an sshd is there.
    public async Task AnswersAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            using Deadline limit = Clock.System.Limit(scaled(BannerLimit), cancellationToken);
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(host, limit.Token).ConfigureAwait(false);
                byte[] banner = new byte[255];
                int count = await socket.ReceiveAsync(banner, limit.Token).ConfigureAwait(false);
                if (banner.AsSpan(0, count).StartsWith("SSH-"u8))
                    return;
                _state =
                    count == 0
                        ? "nothing listens there"
                        : "something else than an sshd answers: "
                            + $"\"{PrintableText.Of(Encoding.UTF8.GetString(banner, 0, count).TrimEnd())}\"";
            }
            catch (SocketException e)
            {
                _state = $"no connection: {e.Message}";
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                _state = $"no banner came within {scaled(BannerLimit).TotalSeconds:0} s";
            }

            await Clock.System.Delay(BetweenAttempts, cancellationToken).ConfigureAwait(false);
        }
    }

    private Task<SshProcess> StartAsync()
    {
        File.Delete(files.ControlSocket);
        _state = "sshd answers; the login is under way";
        // The user's own shell may be none that knows the script's syntax.
        string command = $"exec /bin/sh -c {ShellQuote.Quote(AgentLauncher.OnStandardStreams())}";
        return SshProcess.StartAsync([.. SshArguments.ForMaster(files, Identity, host, access.User, scaled(BannerLimit)), "--", command]);
    }

    // Null where the session ended, or did not get as far in time.
    private async Task<AgentConnection?> FindAgentAsync(SshProcess session, CancellationToken cancellationToken)
    {
        using Deadline limit = Clock.System.Limit(scaled(SessionLimit), cancellationToken);
        try
        {
            while (await session.ReadLineAsync(limit.Token).ConfigureAwait(false) is { } line)
            {
                if (line != AgentLauncher.Begins)
                    continue;
                var agent = new AgentConnection(session);
                await agent.HandshakeAsync(limit.Token).ConfigureAwait(false);
                return agent;
            }
        }
        catch (AgentLostException)
        {
            // The session has ended; its own words tell why.
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            _state = $"the login was not through within {scaled(SessionLimit).TotalSeconds:0} s";
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        return null;
    }

    // Returns where another attempt may do better.
    private void Judge(int exitCode, string words, ref long refusedSince)
    {
        if (words.Contains("Host key verification failed", StringComparison.Ordinal))
        {
            throw new BootFailedException(
                new GuestTrouble(
                    MachineFault.HostKeyMismatch,
                    $"what answers on the guest's SSH port has another host key than the one that was pinned ({KeyOffered(words)})"
                )
            );
        }

        if (words.Contains("Permission denied", StringComparison.Ordinal))
        {
            _state = $"the guest refuses the key: {PrintableText.Of(words)}";
            if (refusedSince == 0)
                refusedSince = Clock.System.GetTimestamp();
            if (Clock.System.GetElapsedTime(refusedSince) > scaled(RefusalLimit))
                throw new BootFailedException(
                    new GuestTrouble(
                        MachineFault.AccessRefused,
                        $"the guest refuses the key of user {access.User} over SSH: {PrintableText.Of(words)}"
                    )
                );
        }
        else if (exitCode is not (255 or > 128))
        {
            throw new BootFailedException(
                new GuestTrouble(
                    MachineFault.AccessRefused,
                    $"user {access.User} got in over SSH, but the agent could not be started: {PrintableText.Of(words)} (exit "
                        + $"code {exitCode})"
                )
            );
        }
        else if (words.Length > 0)
        {
            _state = PrintableText.Of(words);
        }
    }

    private static string KeyOffered(string words) =>
        words.Split('\n').FirstOrDefault(line => line.Contains("SHA256:", StringComparison.Ordinal))?.Trim() is { } key
            ? $"offered: {PrintableText.Of(key)}"
            : "ssh: host key verification failed";
}
