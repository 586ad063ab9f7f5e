using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace TestHarness.Agents;

/// <summary>Makes the shell command that brings the agent into a guest that lacks it, and starts it there. Pure.</summary>
internal static class AgentLauncher
{
    /// <summary>What the command prints on a line of its own right before it becomes the agent.</summary>
    public const string Begins = "testharness-agent begins";

    /// <summary>
    /// What it prints where the guest lacks the agent: it goes on once <see cref="Sent"/> is on its standard input. A command of SSH.NET's
    /// is a packet of 67 KiB at most, and the agent has as much.
    /// </summary>
    public const string Wants = "testharness-agent is wanted";

    // A shell's single argument may have 128 KiB (execve(2)); the agent takes half of that.
    private static readonly Lazy<string> Agent = new(() => Convert.ToBase64String(Compressed(EmbeddedAgent.Read())));

    private static readonly Lazy<string> Name = new(() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"testharness-agent-{Convert.ToHexStringLower(SHA256.HashData(EmbeddedAgent.Read()))[..12]}"
        )
    );

    /// <summary>The agent as the command reads it.</summary>
    public static ReadOnlyMemory<byte> Sent => Encoding.ASCII.GetBytes(Agent.Value);

    /// <summary>The agent compressed by gzip.</summary>
    public static byte[] Compressed(byte[] agent)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize))
            gzip.Write(agent);
        return compressed.ToArray();
    }

    /// <summary>The command that becomes an agent which talks on its standard input and output.</summary>
    public static string OnStandardStreams() =>
        Script(
            $"echo '{Wants}'",
            $"head -c {Agent.Value.Length}",
            $"""
            echo '{Begins}'
            [ "$(id -u)" = 0 ] && exec "$agent" --stdio
            exec sudo -n -- "$agent" --stdio
            """
        );

    /// <summary>The command that leaves an agent running which serves its port.</summary>
    public static string OnPort() =>
        Script(
            ":",
            $"printf %s '{Agent.Value}'",
            """
            command -v setsid > /dev/null && new=setsid
            ${new-} "$agent" < /dev/null > /dev/null 2>&1 &
            """
        );

    // Memory file systems first, so that the disk stays as it is; which of them let programs run differs.
    private static string Script(string ask, string give, string start) =>
        $$"""
            set -u
            if [ "$(id -u)" != 0 ] && ! sudo -n true < /dev/null > /dev/null 2>&1; then
                echo "user $(id -un) is neither root nor may use sudo without a password" >&2
                exit 1
            fi
            for folder in /run /dev/shm /var/tmp /tmp "${HOME:-/root}"; do
                agent=$folder/{{Name.Value}}
                if [ ! -O "$agent" ] || ! "$agent" --version > /dev/null 2>&1; then
                    new=$(umask 077 && mktemp "$agent.XXXXXX" 2> /dev/null) || continue
                    {{ask}}
                    {{give}} | base64 -d | gunzip > "$new" && chmod 0700 "$new" && mv -f "$new" "$agent"
                    if ! why=$("$agent" --version 2>&1); then
                        rm -f "$new" "$agent"
                        continue
                    fi
                    unset new
                fi
            {{start}}
                exit
            done
            echo "the agent runs from none of /run, /dev/shm, /var/tmp, /tmp and the home folder: ${why-no folder could be written}" >&2
            exit 1
            """;
}
