using System.Text.Json;
using TestHarness.Networks;
using TestHarness.Text;

namespace TestHarness;

/// <summary>Ready-made handlers for <see cref="MetadataService.Handle(string, Func{MetadataRequest, MetadataResponse})"/>.</summary>
public static class MetadataTrees
{
    /// <summary>
    /// Answers as the metadata service of EC2 does, for a handler of <c>/</c>: <c>latest/meta-data/</c> with its lists,
    /// <c>latest/user-data</c>, <c>latest/dynamic/instance-identity/document</c>, each also below a date in place of <c>latest</c>, and
    /// IMDSv2's session tokens (<c>PUT latest/api/token</c>).
    /// </summary>
    /// <param name="metadata">What it says. Default: an instance without keys and user-data.</param>
    /// <returns>The handler.</returns>
    public static Func<MetadataRequest, MetadataResponse> Ec2(Ec2Metadata? metadata = null) =>
        new Ec2Tree(metadata ?? new Ec2Metadata(), Clock.System).Answer;

    /// <summary>
    /// Answers cloud-init's NoCloud data source (<c>ds=nocloud;s=http://169.254.169.254/seed/</c> for a handler of <c>/seed/</c>):
    /// <c>meta-data</c>, <c>user-data</c>, <c>vendor-data</c>, <c>network-config</c>.
    /// </summary>
    /// <param name="metadata">What it says. Default: an instance with an empty user-data.</param>
    /// <returns>The handler.</returns>
    public static Func<MetadataRequest, MetadataResponse> NoCloud(NoCloudMetadata? metadata = null)
    {
        metadata ??= new NoCloudMetadata();
        // A JSON text is YAML as well, and needs no rules of its own for quoting.
        string name = metadata.Hostname is { } hostname ? $"local-hostname: {JsonSerializer.Serialize(hostname)}\n" : "";
        Dictionary<string, string?> files = new(StringComparer.Ordinal)
        {
            ["meta-data"] = $"instance-id: {JsonSerializer.Serialize(metadata.InstanceId)}\n{name}",
            ["user-data"] = metadata.UserData,
            ["vendor-data"] = metadata.VendorData,
            ["network-config"] = metadata.NetworkConfig,
        };
        return request =>
            request.Method is not ("GET" or "HEAD") ? MetadataResponse.Text("405 - Method Not Allowed\n", 405)
            : files.GetValueOrDefault(request.RelativePath) is { } text ? MetadataResponse.Text(text)
            : MetadataResponse.NotFound();
    }
}
