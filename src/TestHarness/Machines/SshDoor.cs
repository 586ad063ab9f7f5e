using System.Net;
using TestHarness.Access;
using TestHarness.Hosts;
using TestHarness.Networks;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>The machine's door for SSH: keys, a host key that is pinned, and a forwarded port of 127.0.0.1.</summary>
internal sealed class SshDoor(MachineOperations machine, Shell shell)
{
    private static readonly TimeSpan OpenLimit = TimeSpan.FromMinutes(1);

    private SshDetails? _details;

    /// <summary>The port of the host that leads to sshd, or <see langword="null"/> where the door is shut.</summary>
    public IPEndPoint? Host { get; private set; }

    /// <exception cref="InvalidOperationException">It is not open.</exception>
    public SshDetails Details
    {
        get =>
            _details
            ?? throw new InvalidOperationException(
                $"Machine '{machine.Name}' is not open over SSH: call OpenSshAsync first, or start it with "
                    + "MachineSpec.GuestAccess = GuestAccess.Ssh."
            );
        set => _details = value;
    }

    public SshFiles Files => new(FilesIn(machine.OwnFolder));

    private SshAccess Access => machine.Spec.Ssh ?? new SshAccess();

    public static string FilesIn(string folder) => Path.Combine(folder, MachineFileNames.Ssh);

    public async Task<SshDetails> OpenAsync(string? user, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (machine.Spec.Network == NetworkMode.None)
            throw new InvalidOperationException(
                $"Machine '{machine.Name}' has no network, which SSH needs: set MachineSpec.Network to Isolated."
            );
        if (_details is not null && (user is null || user == _details.User))
            return _details;
        TimeSpan limit = timeout ?? machine.Scaled(OpenLimit);
        SshFiles files = Files;
        if (!File.Exists(files.Identity))
            await files.MakeAsync(hostKey: false, cancellationToken).ConfigureAwait(false);
        string hostKey = await InstallKeyAsync(user ?? "root", files.PublicKey, limit, cancellationToken).ConfigureAwait(false);
        if (!File.Exists(files.KnownHosts))
            files.Pin(hostKey);
        return await machine
            .GuardAsync(
                $"sshd on the guest's TCP port {Access.Port}",
                limit,
                async token =>
                {
                    SshWay way = await MakeWayAsync(Access with { User = user ?? "root", IdentityFile = null }, token)
                        .ConfigureAwait(false);
                    await using (way.ConfigureAwait(false))
                        await way.AnswersAsync(token).ConfigureAwait(false);
                    return _details = way.Details;
                },
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Makes what SSH needs before the guest boots or is restored: keys of its own, those of its template, or the user's.
    /// </summary>
    public async Task MakeFilesAsync(Template? template, CancellationToken cancellationToken)
    {
        if (template is not null)
            new SshFiles(FilesIn(template.Folder)).CopyTo(FilesIn(machine.OwnFolder));
        else if (Access.IdentityFile is null || Access.HostKey is null)
            await Files.MakeAsync(hostKey: Access.HostKey is null, cancellationToken).ConfigureAwait(false);
        if (Access.HostKey is { } own)
            Files.Pin(own);
    }

    /// <summary>Makes the library's own way in.</summary>
    public Task<SshWay> MakeWayAsync(CancellationToken cancellationToken) => MakeWayAsync(Access, cancellationToken);

    private async Task<SshWay> MakeWayAsync(SshAccess access, CancellationToken cancellationToken)
    {
        // The same port of the host after a reboot in a new QEMU.
        var forward = new PortForward(access.Port) { HostPort = Host?.Port ?? 0 };
        IReadOnlyList<ForwardedPort> before = ForwardedPort.Parse(
            await machine.Monitor.ExecuteHumanAsync("info usernet", cancellationToken).ConfigureAwait(false)
        );
        if (Host is null || before.All(other => !other.Host.Equals(Host)))
            Host = (await ForwardedPort.OpenAsync(machine.Monitor, [forward], cancellationToken).ConfigureAwait(false))
                .Except(before)
                .First()
                .Host;
        return new SshWay(access, Files, Host, machine.Scaled) { IsPaused = () => machine.State == MachineState.Paused };
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
        ShellResult result = await shell
            .RunDescribedAsync(
                $"lets a key in for {user}",
                ["/bin/sh", "-c", Script, "sh", user, publicKey],
                new ShellOptions { Timeout = limit },
                cancellationToken
            )
            .ConfigureAwait(false);
        return result.StandardOutput;
    }
}
