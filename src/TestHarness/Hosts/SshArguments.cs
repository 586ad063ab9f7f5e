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

    public static IReadOnlyList<string> For(SshFiles files, string identity, IPEndPoint host, string user)
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
            "ControlPath=none",
            "LogLevel=ERROR",
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
