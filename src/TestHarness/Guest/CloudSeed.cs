using System.Security.Cryptography;
using System.Text;

namespace TestHarness.Guest;

/// <summary>What is on a machine's NoCloud disk. Pure. See https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html.</summary>
internal sealed record CloudSeed
{
    public required string UserData { get; init; }

    /// <summary>Gets the user-data without what installs the agent.</summary>
    public required string OwnUserData { get; init; }

    public required string MetaData { get; init; }

    public string? NetworkConfig { get; init; }

    /// <summary>Gets the hash of the content.</summary>
    public required string Key { get; init; }

    /// <summary>Describes the disk of a machine; <see langword="null"/> where it needs none.</summary>
    /// <param name="cloudInit">What the user wants; checked.</param>
    /// <param name="hasAgent">Whether the image has the agent; otherwise cloud-init installs it.</param>
    public static CloudSeed? For(CloudInit? cloudInit, bool hasAgent)
    {
        if (cloudInit is null && hasAgent)
            return null;
        string own = cloudInit is null ? "" : cloudInit.UserData ?? CloudConfig.Write(cloudInit);
        string userData = hasAgent ? own : CloudUserData.WithAgent(own);
        string metaData = cloudInit?.MetaData ?? "";
        byte[] content = Encoding.UTF8.GetBytes(string.Join('\0', userData, metaData, cloudInit?.NetworkConfig));
        string key = Convert.ToHexStringLower(SHA256.HashData(content))[..16];
        return new CloudSeed
        {
            UserData = userData,
            OwnUserData = own,
            MetaData = YamlText.AddMissing(metaData, "instance-id", $"testharness-{key}"),
            NetworkConfig = cloudInit?.NetworkConfig,
            Key = key,
        };
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
