using System.Net;
using TestHarness.Access;
using TestHarness.Hosts;
using TestHarness.Networks;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private const string SshFolder = MachineFileNames.Ssh;

    // How long an agent that comes by itself may take once another way answers.
    private static readonly TimeSpan AgentGrace = TimeSpan.FromSeconds(8);

    private static readonly TimeSpan OpenSshLimit = TimeSpan.FromMinutes(1);

    private IPEndPoint? _sshHost;
    private SshDetails? _ssh;

    /// <summary>Gets the way in that was taken, or <see langword="null"/> before the guest has answered.</summary>
    public GuestAccess? Access => _guest.Access;

    /// <summary>
    /// Gets what others need to join the machine over SSH: there where <see cref="Access"/> is <see cref="GuestAccess.Ssh"/>, and after <see cref="OpenSshAsync"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is not open.</exception>
    public SshDetails Ssh => _ssh ?? throw new InvalidOperationException(
        $"Machine '{Name}' is not open over SSH: call OpenSshAsync first, or start it with MachineSpec.GuestAccess = GuestAccess.Ssh.");

    private bool UsesSsh => Spec.GuestAccess == GuestAccess.Ssh || (Spec is { GuestAccess: GuestAccess.Auto, Ssh: not null } && _image!.HasAgent != true);

    private bool UsesGuestAgent => Spec.GuestAccess == GuestAccess.GuestAgent || (Spec.GuestAccess == GuestAccess.Auto && _image!.HasAgent != true);

    private SshAccess SshAccess => Spec.Ssh ?? new SshAccess();

    private SshFiles SshFiles => new(Path.Combine(OwnFolder, SshFolder));

    /// <summary>
    /// Opens the machine to others over SSH, whichever way the library itself takes: makes a key, lets it in for a user, learns the guest's host key from the guest itself, and
    /// forwards a port of 127.0.0.1. The image needs an sshd that runs.
    /// </summary>
    /// <param name="user">The user. Default: <see langword="null"/>, <c>root</c>, or who the library itself logs in as.</param>
    /// <param name="timeout">The limit. Default: 1 minute, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What is needed to join; <see cref="Ssh"/> is that, too, from then on.</returns>
    /// <exception cref="GuestCommandException">The guest has no such user, or no sshd.</exception>
    /// <exception cref="InvalidOperationException">The machine has no network.</exception>
    /// <exception cref="WaitTimeoutException">sshd did not answer in time.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task<SshDetails> OpenSshAsync(string? user = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        if (Spec.Network == NetworkMode.None)
            throw new InvalidOperationException($"Machine '{Name}' has no network, which SSH needs: set MachineSpec.Network to Isolated.");
        if (_ssh is not null && (user is null || user == _ssh.User))
            return _ssh;
        TimeSpan limit = timeout ?? _operations.Scaled(OpenSshLimit);
        SshFiles files = SshFiles;
        if (!File.Exists(files.Identity))
            await files.MakeAsync(hostKey: false, cancellationToken).ConfigureAwait(false);
        string hostKey = await InstallKeyAsync(user ?? "root", files.PublicKey, limit, cancellationToken).ConfigureAwait(false);
        if (!File.Exists(files.KnownHosts))
            files.Pin(hostKey);
        return await _operations.GuardAsync(
            $"sshd on the guest's TCP port {SshAccess.Port}",
            limit,
            async token =>
            {
                SshWay way = await MakeSshWayAsync(SshAccess with { User = user ?? "root", IdentityFile = null }, token).ConfigureAwait(false);
                await using (way.ConfigureAwait(false))
                    await way.AnswersAsync(token).ConfigureAwait(false);
                return _ssh = way.Details;
            },
            cancellationToken).ConfigureAwait(false);
    }

    // Returns the guest's own host key, by a way that is trusted.
    private async Task<string> InstallKeyAsync(string user, string publicKey, TimeSpan limit, CancellationToken cancellationToken)
    {
        const string Script = """
            set -eu
            home=$(getent passwd "$1" | cut -d: -f6)
            [ -n "$home" ] || { echo "there is no user $1" >&2; exit 1; }
            umask 077
            mkdir -p "$home/.ssh"
            grep -qxF "$2" "$home/.ssh/authorized_keys" 2> /dev/null || echo "$2" >> "$home/.ssh/authorized_keys"
            chown -R "$1:" "$home/.ssh"
            for type in ed25519 ecdsa rsa; do
                [ -r /etc/ssh/ssh_host_${type}_key.pub ] && exec cut -d ' ' -f 1,2 /etc/ssh/ssh_host_${type}_key.pub
            done
            echo "sshd has no host key in /etc/ssh: is an sshd installed?" >&2
            exit 1
            """;
        ShellResult result = await Shell.RunDescribedAsync(
            $"lets a key in for {user}", ["/bin/sh", "-c", Script, "sh", user, publicKey], new ShellOptions { Timeout = limit }, cancellationToken).ConfigureAwait(false);
        return result.StandardOutput;
    }

    // What SSH needs before the guest boots or is restored: keys of its own, those of its template, or the user's.
    private async Task MakeSshFilesAsync(CancellationToken cancellationToken)
    {
        if (!UsesSsh)
            return;
        if (_template is not null)
            new SshFiles(Path.Combine(_template.Folder, SshFolder)).CopyTo(Path.Combine(OwnFolder, SshFolder));
        else if (SshAccess.IdentityFile is null || SshAccess.HostKey is null)
            await SshFiles.MakeAsync(hostKey: SshAccess.HostKey is null, cancellationToken).ConfigureAwait(false);
        if (SshAccess.HostKey is { } own)
            SshFiles.Pin(own);
    }

    private async Task<WayIn> MakeWayAsync(CancellationToken cancellationToken)
    {
        var agent = new AgentWay(_instance!.Agent);
        GuestAgentWay? helper = _instance.GuestAgent is { } port ? new GuestAgentWay(agent, new QemuGuestAgent(port)) : null;
        SshWay? ssh = UsesSsh ? await MakeSshWayAsync(SshAccess, cancellationToken).ConfigureAwait(false) : null;
        return Spec.GuestAccess switch
        {
            GuestAccess.Ssh => ssh!,
            GuestAccess.GuestAgent => helper!,
            _ when helper is not null => new FirstWay(agent, ssh, helper, _operations.Scaled(AgentGrace)),
            _ => agent,
        };
    }

    private async Task<SshWay> MakeSshWayAsync(SshAccess access, CancellationToken cancellationToken)
    {
        // The same port of the host after a reboot in a new QEMU.
        var forward = new PortForward(access.Port) { HostPort = _sshHost?.Port ?? 0 };
        IReadOnlyList<ForwardedPort> before = ForwardedPort.Parse(await Monitor.ExecuteHumanAsync("info usernet", cancellationToken).ConfigureAwait(false));
        if (_sshHost is null || before.All(other => !other.Host.Equals(_sshHost)))
            _sshHost = (await ForwardedPort.OpenAsync(Monitor, [forward], cancellationToken).ConfigureAwait(false)).Except(before).First().Host;
        return new SshWay(access, SshFiles, _sshHost, _operations.Scaled);
    }

    private void NoteWay(WayIn way, Action<string> phase)
    {
        if (way.Kind == GuestAccess.Agent)
            return;
        if (way is SshWay or FirstWay { Kind: GuestAccess.Ssh })
            _ssh = (way as SshWay ?? ((FirstWay)way).Ssh!).Details;
        phase($"way in: {way.State}");
    }
}
