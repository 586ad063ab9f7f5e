using System.Globalization;
using System.Net;

namespace TestHarness.Hosts;

/// <summary>
/// Arguments for the OpenSSH client, which then goes by them alone: neither by the user's <c>~/.ssh</c> nor by the host's configuration.
/// Pure. See ssh_config(5).
/// </summary>
internal static class SshArguments
{
    public const string Program = "ssh";

    /// <summary>For a session that joins the machine's own connection where that is there, which saves the handshake.</summary>
    public static IReadOnlyList<string> For(SshFiles files, string identity, IPEndPoint host, string user) =>
        Build(files, identity, host, user, "ControlMaster=no");

    /// <summary>For the machine's own connection. It ends after 15 s without an answer from the guest.</summary>
    public static IReadOnlyList<string> ForMaster(SshFiles files, string identity, IPEndPoint host, string user, TimeSpan connectLimit) =>
        [
            .. Build(
                files,
                identity,
                host,
                user,
                "ControlMaster=yes",
                "BatchMode=yes",
                "ServerAliveInterval=5",
                "ServerAliveCountMax=3",
                string.Create(CultureInfo.InvariantCulture, $"ConnectTimeout={Math.Ceiling(connectLimit.TotalSeconds)}")
            ),
        ];

    private static IReadOnlyList<string> Build(SshFiles files, string identity, IPEndPoint host, string user, params string[] options)
    {
        IEnumerable<string> all =
        [
            "StrictHostKeyChecking=yes",
            $"UserKnownHostsFile=\"{files.KnownHosts}\"",
            "GlobalKnownHostsFile=none",
            $"HostKeyAlias={SshFiles.Alias}",
            "UpdateHostKeys=no",
            "CheckHostIP=no",
            $"IdentityFile=\"{identity}\"",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "PreferredAuthentications=publickey",
            $"ControlPath=\"{files.ControlSocket}\"",
            "LogLevel=ERROR",
            .. options,
        ];
        return
        [
            Program,
            "-F",
            "none",
            .. all.SelectMany(option => (string[])["-o", option]),
            "-p",
            host.Port.ToString(CultureInfo.InvariantCulture),
            $"{user}@{host.Address}",
        ];
    }
}
