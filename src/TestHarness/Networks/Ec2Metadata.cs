namespace TestHarness;

/// <summary>What an EC2-style metadata tree says (<see cref="MetadataTrees.Ec2"/>).</summary>
public sealed record Ec2Metadata
{
    /// <summary>Gets the instance's id. Default: <c>i-0123456789abcdef0</c>.</summary>
    public string InstanceId { get; init; } = "i-0123456789abcdef0";

    /// <summary>Gets the host name, also the local one. Default: <c>ip-10-0-2-15.ec2.internal</c>.</summary>
    public string Hostname { get; init; } = "ip-10-0-2-15.ec2.internal";

    /// <summary>Gets the image's id. Default: <c>ami-0123456789abcdef0</c>.</summary>
    public string ImageId { get; init; } = "ami-0123456789abcdef0";

    /// <summary>Gets the instance's type. Default: <c>t3.micro</c>.</summary>
    public string InstanceType { get; init; } = "t3.micro";

    /// <summary>Gets the address. Default: <c>10.0.2.15</c>, the guest's own.</summary>
    public string LocalIPv4 { get; init; } = "10.0.2.15";

    /// <summary>Gets the region. Default: <c>us-east-1</c>.</summary>
    public string Region { get; init; } = "us-east-1";

    /// <summary>Gets the availability zone. Default: <c>us-east-1a</c>.</summary>
    public string AvailabilityZone { get; init; } = "us-east-1a";

    /// <summary>Gets the public keys: their names, and the keys as OpenSSH writes them. Default: none.</summary>
    public IReadOnlyDictionary<string, string> PublicKeys { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the user-data. Default: <see langword="null"/>, none: 404.</summary>
    public string? UserData { get; init; }

    /// <summary>
    /// Gets further values below <c>meta-data/</c>, or other ones: path without a slash in front (<c>tags/instance/Name</c>) and text.
    /// Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, string> Values { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Gets a value indicating whether only requests with a session token are answered (IMDSv2), as EC2 has it for new images. Default:
    /// <see langword="false"/>: a request without a token is answered, too.
    /// </summary>
    public bool RequireToken { get; init; }
}
