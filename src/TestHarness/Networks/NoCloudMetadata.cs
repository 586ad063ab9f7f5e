namespace TestHarness;

/// <summary>What a tree for cloud-init's NoCloud data source says (<see cref="MetadataTrees.NoCloud"/>).</summary>
public sealed record NoCloudMetadata
{
    /// <summary>Gets the instance's id; cloud-init runs once for each. Default: <c>testharness</c>.</summary>
    public string InstanceId { get; init; } = "testharness";

    /// <summary>Gets the host name. Default: <see langword="null"/>, none.</summary>
    public string? Hostname { get; init; }

    /// <summary>Gets the user-data. Default: <c>#cloud-config</c> with nothing in it.</summary>
    public string UserData { get; init; } = "#cloud-config\n";

    /// <summary>Gets the vendor-data. Default: empty.</summary>
    public string VendorData { get; init; } = "";

    /// <summary>Gets the network configuration. Default: <see langword="null"/>, none: 404, and cloud-init makes one up.</summary>
    public string? NetworkConfig { get; init; }
}
