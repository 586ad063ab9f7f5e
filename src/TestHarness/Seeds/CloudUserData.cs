using System.Security.Cryptography;
using System.Text;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Text;

namespace TestHarness.Seeds;

/// <summary>
/// Joins a user's user-data and what brings the library into a guest into one multipart message (RFC 2046), which cloud-init takes apart.
/// The agent comes by a boot hook: it runs before all of cloud-init's modules, so nothing in the user's part can hide, replace or delay it,
/// and needs no rules for merging. Keys for SSH are cloud-init's own business, so they are a cloud-config that is merged with the user's:
/// what the user says stays, and lists are added to.
/// </summary>
internal static class CloudUserData
{
    private static readonly string[] Messages = ["content-type:", "mime-version:"];

    private static readonly Lazy<string> Hook = new(MakeHook);

    /// <summary>Gets the part that installs the agent.</summary>
    public static string AgentPart => $"Content-Type: text/cloud-boothook; charset=\"us-ascii\"\n\n{Hook.Value}";

    /// <summary>Tells whether a text is a message of several parts itself.</summary>
    public static bool IsMessage(string text) => Messages.Any(start => text.StartsWith(start, StringComparison.OrdinalIgnoreCase));

    /// <summary>The part that makes a key the guest's host key, and lets another one in.</summary>
    public static string KeysPart(SshAccess access, SshFiles keys)
    {
        var config = new Dictionary<string, object>
        {
            ["merge_how"] = "dict(no_replace,recurse_dict,recurse_list)+list(append)+str()",
            ["disable_root"] = false,
        };
        if (access.IdentityFile is null)
            config["ssh_authorized_keys"] = (string[])[keys.PublicKey];
        if (access.HostKey is null)
            config["ssh_keys"] = new Dictionary<string, object>
            {
                ["ed25519_private"] = keys.HostKey.Private,
                ["ed25519_public"] = keys.HostKey.Public,
            };
        return $"Content-Type: text/cloud-config; charset=\"us-ascii\"\n\n{CloudConfig.FirstLine}\n{YamlText.Write(config)}";
    }

    /// <summary>
    /// Makes the message: what comes before the user's part, that, and what is merged with it; what is empty adds no part.
    /// </summary>
    public static string Join(string? before, string own, string? after)
    {
        string boundary = $"testharness-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(own)))[..16]}";
        var message = new StringBuilder($"Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\n\n");
        if (before is not null)
            message.Append($"--{boundary}\n{before}\n");
        if (IsMessage(own))
            // A part is headers, an empty line and a body, as the message is.
            message.Append($"--{boundary}\n{own}\n");
        else if (own.Length > 0)
            // As text/plain cloud-init goes by the first line, as it does with user-data that has one part.
            message.Append(
                $"--{boundary}\nContent-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: "
                    + $"base64\n\n{Base64(Encoding.UTF8.GetBytes(own))}\n"
            );
        if (after is not null)
            message.Append($"--{boundary}\n{after}\n");
        return message.Append($"--{boundary}--\n").ToString();
    }

    // Runs at each boot; after the first one systemd has started the agent by then.
    private static string MakeHook() =>
        $"""
            #cloud-boothook
            #!/bin/sh
            # Installs the agent of TestHarness in an image that lacks it.
            set -e
            umask 022
            agent=/usr/sbin/testharness-agent
            if [ ! -x "$agent" ]; then
                base64 -d << 'END' | gunzip > "$agent.new"
            {Base64(AgentLauncher.Compressed(EmbeddedAgent.Read()))}
            END
                cat > /etc/systemd/system/testharness-agent.service << 'END'
            {Encoding.UTF8.GetString(RecipeSource.ReadAgentUnit()).TrimEnd()}
            END
                chmod 0755 "$agent.new"
                mv "$agent.new" "$agent"
                systemctl enable testharness-agent.service
            fi
            systemctl start --no-block testharness-agent.service
            """;

    private static string Base64(byte[] bytes) =>
        Convert.ToBase64String(bytes, Base64FormattingOptions.InsertLineBreaks).ReplaceLineEndings("\n");
}
