using System.Net;
using System.Net.Sockets;
using System.Text;
using Renci.SshNet;
using Renci.SshNet.Common;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Specs;
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

    // An sshd that went without a word, as with its network, closes no connection.
    private static readonly TimeSpan BetweenPings = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PingLimit = TimeSpan.FromSeconds(5);
    private const int MostMissed = 3;

    private readonly CancellationTokenSource _disposed = new();
    private SshSession? _session;
    private volatile bool _entering;
    private volatile string _state = "no answer yet";
    private long _refusedSince;

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

    /// <summary>Whether the machine stands still by our doing, so that no answer is expected.</summary>
    public Func<bool> IsPaused { get; init; } = () => false;

    public override async Task<AgentConnection> ConnectAsync(bool restored, CancellationToken cancellationToken)
    {
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposed.Token);
        _refusedSince = 0;
        while (true)
        {
            await AnswersAsync(wait.Token).ConfigureAwait(false);
            _state = "sshd answers; the login is under way";
            _entering = true;
            AgentConnection? agent = await LogInAsync(wait.Token).ConfigureAwait(false);
            _entering = false;
            if (agent is not null)
            {
                _state = "connected";
                _ = WatchAsync(agent, _session!);
                return agent;
            }

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

    // Null where another attempt may do better.
    private async Task<AgentConnection?> LogInAsync(CancellationToken cancellationToken)
    {
        using Deadline limit = Clock.System.Limit(scaled(SessionLimit), cancellationToken);
        // The user's own shell may be none that knows the script's syntax.
        string command = $"exec /bin/sh -c {ShellQuote.Quote(AgentLauncher.OnStandardStreams())}";
        string? otherKey = null;
        SshSession? session = null;
        try
        {
            SshClient client = NewClient(offered => otherKey = offered);
            session = await SshSession.OpenAsync(client, command, limit.Token).ConfigureAwait(false);
            AgentConnection? agent = await FindAgentAsync(session, limit.Token).ConfigureAwait(false);
            if (agent is null)
                Judge(await session.Exited.WaitAsync(limit.Token).ConfigureAwait(false), PrintableText.Of(session.StandardError.Trim()));
            else
                (_session, session) = (session, null);
            return agent;
        }
        catch (SshAuthenticationException e)
        {
            JudgeRefusal(PrintableText.Of(e.Message));
        }
        catch (Exception e) when (e is SshException or IOException or AgentLostException)
        {
            _state = PrintableText.Of(e.Message);
            if (otherKey is not null)
                throw new BootFailedException(
                    new GuestTrouble(
                        MachineFault.HostKeyMismatch,
                        "what answers on the guest's SSH port has another host key than the one that was pinned "
                            + $"(offered: {PrintableText.Of(otherKey)})"
                    )
                );
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            _state = $"the login was not through within {scaled(SessionLimit).TotalSeconds:0} s";
        }
        finally
        {
            if (session is not null)
                await session.DisposeAsync().ConfigureAwait(false);
        }

        return null;
    }

    private SshClient NewClient(Action<string> seeOtherKey)
    {
        PinnedHostKey pinned = files.Pinned;
        ConnectionInfo connection = Details.NewConnection();
        connection.Timeout = scaled(BannerLimit);
        pinned.Prefer(connection);
        var client = new SshClient(connection);
        client.HostKeyReceived += (_, offered) =>
        {
            offered.CanTrust = pinned.Is(offered.HostKey);
            if (!offered.CanTrust)
                seeOtherKey($"{offered.HostKeyName} SHA256:{offered.FingerPrintSHA256}");
        };
        return client;
    }

    private static async Task<AgentConnection?> FindAgentAsync(SshSession session, CancellationToken cancellationToken)
    {
        while (await session.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            if (line == AgentLauncher.Wants)
                await session.WriteAsync(AgentLauncher.Sent, cancellationToken).ConfigureAwait(false);
            if (line != AgentLauncher.Begins)
                continue;
            var agent = new AgentConnection(session);
            try
            {
                await agent.HandshakeAsync(cancellationToken).ConfigureAwait(false);
                return agent;
            }
            catch (AgentLostException)
            {
                // The session's own words tell why.
                return null;
            }
        }

        return null;
    }

    // Ends the session with its agent, or after three pings that nobody answered.
    private async Task WatchAsync(AgentConnection agent, SshSession session)
    {
        for (int missed = 0; missed < MostMissed && !agent.Completion.IsCompleted && !_disposed.IsCancellationRequested; )
        {
            await Task.WhenAny(agent.Completion, Clock.System.Delay(BetweenPings, _disposed.Token)).ConfigureAwait(false);
            bool wasPaused = IsPaused();
            missed = await IsAnsweringAsync(agent).ConfigureAwait(false) || wasPaused || IsPaused() ? 0 : missed + 1;
        }

        await session.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<bool> IsAnsweringAsync(AgentConnection agent)
    {
        using Deadline limit = Clock.System.Limit(scaled(PingLimit), _disposed.Token);
        try
        {
            await agent.PingAsync(limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is AgentLostException or OperationCanceledException)
        {
            // It may be about to come in step again.
            return false;
        }
    }

    private void JudgeRefusal(string words)
    {
        _state = $"the guest refuses the key: {words}";
        if (_refusedSince == 0)
            _refusedSince = Clock.System.GetTimestamp();
        if (Clock.System.GetElapsedTime(_refusedSince) > scaled(RefusalLimit))
            throw new BootFailedException(
                new GuestTrouble(MachineFault.AccessRefused, $"the guest refuses the key of user {access.User} over SSH: {words}")
            );
    }

    // Where a signal ended the command, or the session ended, another attempt may do better.
    private void Judge(int? exitCode, string words)
    {
        if (exitCode is <= 128)
            throw new BootFailedException(
                new GuestTrouble(
                    MachineFault.AccessRefused,
                    $"user {access.User} got in over SSH, but the agent could not be started: {words} (exit code {exitCode})"
                )
            );
        if (words.Length > 0)
            _state = words;
    }
}
