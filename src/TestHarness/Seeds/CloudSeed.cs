using System.Security.Cryptography;
using System.Text;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Seeds;

/// <summary>
/// What is on a machine's NoCloud disk. Pure. See https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html.
/// </summary>
internal sealed record CloudSeed
{
    /// <summary>Gets the user-data without what the library adds.</summary>
    public required string OwnUserData { get; init; }

    /// <summary>Gets a value indicating whether cloud-init installs the agent.</summary>
    public required bool BringsAgent { get; init; }

    /// <summary>Gets what keys cloud-init installs for an access over SSH; <see langword="null"/>: none.</summary>
    public SshAccess? BringsKeysFor { get; init; }

    public required string MetaData { get; init; }

    public string? NetworkConfig { get; init; }

    /// <summary>Gets the hash of the content.</summary>
    public required string Key { get; init; }

    /// <summary>Describes the disk of a machine; <see langword="null"/> where it needs none.</summary>
    /// <param name="cloudInit">What the user wants; checked.</param>
    /// <param name="needsAgent">Whether cloud-init is to install the agent.</param>
    /// <param name="needsKeys">The access whose keys cloud-init is to install, as far as they are not the user's own affair.</param>
    public static CloudSeed? For(CloudInit? cloudInit, bool needsAgent, SshAccess? needsKeys = null)
    {
        if (cloudInit is null && !needsAgent && needsKeys is null)
            return null;
        string own = cloudInit is null ? "" : cloudInit.UserData ?? CloudConfig.Write(cloudInit);
        string metaData = cloudInit?.MetaData ?? "";
        // Not the keys themselves: machines that differ in nothing else come from one template, and have its.
        string added = $"{(needsAgent ? CloudUserData.AgentPart : "")}\0{(needsKeys is null ? null : needsKeys with { User = "" })}";
        byte[] content = Encoding.UTF8.GetBytes(string.Join('\0', own, added, metaData, cloudInit?.NetworkConfig));
        string key = Convert.ToHexStringLower(SHA256.HashData(content))[..16];
        return new CloudSeed
        {
            OwnUserData = own,
            BringsAgent = needsAgent,
            BringsKeysFor = needsKeys,
            MetaData = YamlText.AddMissing(metaData, "instance-id", $"testharness-{key}"),
            NetworkConfig = cloudInit?.NetworkConfig,
            Key = key,
        };
    }

    /// <summary>The whole user-data.</summary>
    /// <param name="keys">The keys, where it brings some.</param>
    public string UserData(SshFiles? keys)
    {
        string? agent = BringsAgent ? CloudUserData.AgentPart : null;
        string? access = BringsKeysFor is null || keys is null ? null : CloudUserData.KeysPart(BringsKeysFor, keys);
        return agent is null && access is null ? OwnUserData : CloudUserData.Join(agent, OwnUserData, access);
    }

    /// <summary>Gets the disk's files by name.</summary>
    /// <param name="userData">Which user-data.</param>
    public IEnumerable<(string Name, string Content)> Files(string userData)
    {
        yield return ("user-data", userData);
        yield return ("meta-data", MetaData);
        if (NetworkConfig is not null)
            yield return ("network-config", NetworkConfig);
    }
}
