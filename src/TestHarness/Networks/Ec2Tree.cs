using System.Text.Json;
using System.Text.RegularExpressions;

namespace TestHarness.Networks;

/// <summary>
/// EC2's instance metadata (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html): a tree of texts in which
/// a folder is answered by the list of what is in it.
/// </summary>
internal sealed partial class Ec2Tree
{
    private const string KeyFolder = "meta-data/public-keys/";
    private const string NotAllowed = "405 - Method Not Allowed\n";

    private readonly Ec2Metadata _metadata;
    private readonly Ec2Tokens _tokens;
    private readonly SortedDictionary<string, string> _values = new(StringComparer.Ordinal);

    public Ec2Tree(Ec2Metadata metadata, TimeProvider time)
    {
        _metadata = metadata;
        _tokens = new Ec2Tokens(time);
        Dictionary<string, string> values = new(StringComparer.Ordinal)
        {
            ["ami-id"] = metadata.ImageId,
            ["hostname"] = metadata.Hostname,
            ["instance-id"] = metadata.InstanceId,
            ["instance-type"] = metadata.InstanceType,
            ["local-hostname"] = metadata.Hostname,
            ["local-ipv4"] = metadata.LocalIPv4,
            ["placement/availability-zone"] = metadata.AvailabilityZone,
            ["placement/region"] = metadata.Region,
        };
        foreach ((string path, string text) in values.Concat(metadata.Values))
            _values[$"meta-data/{path}"] = text;
        int key = 0;
        foreach (string text in metadata.PublicKeys.Values)
            _values[$"{KeyFolder}{key++}/openssh-key"] = text;
        if (metadata.UserData is { } userData)
            _values["user-data"] = userData;
        _values["dynamic/instance-identity/document"] = Identity(metadata);
    }

    public MetadataResponse Answer(MetadataRequest request)
    {
        string[] parts = request.RelativePath.Split('/', 2);
        string path = parts.Length == 2 ? parts[1] : "";
        if (path == "api/token")
            return request.Method == "PUT" ? _tokens.Give(request) : MetadataResponse.Text(NotAllowed, 405);
        if (request.Method is not ("GET" or "HEAD"))
            return MetadataResponse.Text(NotAllowed, 405);
        if (_tokens.Refuse(request, _metadata.RequireToken) is { } refusal)
            return refusal;
        if (parts is [""])
            return MetadataResponse.Text("latest");
        return Version().IsMatch(parts[0]) ? Find(path) : MetadataResponse.NotFound();
    }

    private static string Identity(Ec2Metadata metadata) =>
        JsonSerializer.Serialize(
            new Dictionary<string, string>
            {
                ["accountId"] = "123456789012",
                ["architecture"] = "x86_64",
                ["availabilityZone"] = metadata.AvailabilityZone,
                ["imageId"] = metadata.ImageId,
                ["instanceId"] = metadata.InstanceId,
                ["instanceType"] = metadata.InstanceType,
                ["privateIp"] = metadata.LocalIPv4,
                ["region"] = metadata.Region,
                ["version"] = "2017-09-30",
            }
        );

    private MetadataResponse Find(string path)
    {
        if (_values.TryGetValue(path, out string? text))
            return MetadataResponse.Text(text);
        string folder = path.Length == 0 || path.EndsWith('/') ? path : $"{path}/";
        // The one list that is of another form: numbers and the keys' names.
        if (folder == KeyFolder && _metadata.PublicKeys.Count > 0)
            return MetadataResponse.Text(string.Join('\n', _metadata.PublicKeys.Keys.Select((name, index) => $"{index}={name}")));
        string[] entries =
        [
            .. _values
                .Keys.Where(key => key.StartsWith(folder, StringComparison.Ordinal))
                .Select(key => Entry(key[folder.Length..]))
                .Distinct(),
        ];
        return entries.Length == 0 ? MetadataResponse.NotFound() : MetadataResponse.Text(string.Join('\n', entries));
    }

    private static string Entry(string rest) =>
        rest.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash ? rest[..(slash + 1)] : rest;

    [GeneratedRegex(@"\A(latest|1\.0|[0-9]{4}-[0-9]{2}-[0-9]{2})\z")]
    private static partial Regex Version();
}
