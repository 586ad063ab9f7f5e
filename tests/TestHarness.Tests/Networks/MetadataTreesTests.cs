using FluentAssertions;
using TestHarness.Networks;
using Xunit;

namespace TestHarness.Tests.Networks;

public sealed class MetadataTreesTests
{
    private const string Ttl = "X-aws-ec2-metadata-token-ttl-seconds";
    private const string Session = "X-aws-ec2-metadata-token";

    private static readonly Ec2Metadata Metadata = new()
    {
        PublicKeys = new Dictionary<string, string> { ["me"] = "ssh-ed25519 AAAA me" },
        UserData = "#cloud-config\n",
        Values = new Dictionary<string, string> { ["tags/instance/Name"] = "db" },
    };

    [Theory]
    [InlineData("", "latest")]
    [InlineData("latest", "dynamic/\nmeta-data/\nuser-data")]
    [InlineData("latest/", "dynamic/\nmeta-data/\nuser-data")]
    [InlineData(
        "latest/meta-data/",
        "ami-id\nhostname\ninstance-id\ninstance-type\nlocal-hostname\nlocal-ipv4\nplacement/\npublic-keys/\ntags/"
    )]
    [InlineData("latest/meta-data/instance-id", "i-0123456789abcdef0")]
    [InlineData("2009-04-04/meta-data/placement/", "availability-zone\nregion")]
    [InlineData("latest/meta-data/public-keys/", "0=me")]
    [InlineData("latest/meta-data/public-keys/0/", "openssh-key")]
    [InlineData("latest/meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA me")]
    [InlineData("latest/meta-data/tags/instance/Name", "db")]
    [InlineData("latest/user-data", "#cloud-config\n")]
    public void Ec2_answers_values_and_lists(string path, string text)
    {
        MetadataResponse response = MetadataTrees.Ec2(Metadata)(Request("GET", path));

        (response.StatusCode, BodyOf(response)).Should().Be((200, text));
    }

    [Theory]
    [InlineData("GET", "latest/meta-data/none", 404)]
    [InlineData("GET", "newest/meta-data/", 404)]
    [InlineData("GET", "latest/api/token", 405)]
    [InlineData("PUT", "latest/meta-data/", 405)]
    [InlineData("PUT", "latest/api/token", 400)]
    public void Ec2_refuses_what_there_is_not(string method, string path, int statusCode) =>
        MetadataTrees.Ec2(Metadata)(Request(method, path)).StatusCode.Should().Be(statusCode);

    [Fact]
    public void Ec2_has_no_user_data_unless_it_is_given() =>
        MetadataTrees.Ec2()(Request("GET", "latest/user-data")).StatusCode.Should().Be(404);

    [Fact]
    public void Ec2_takes_a_token_until_its_time_is_over()
    {
        var time = new ManualTime();
        var tree = new Ec2Tree(Metadata with { RequireToken = true }, time);
        tree.Answer(Request("GET", "latest/user-data")).StatusCode.Should().Be(401);
        tree.Answer(Request("PUT", "latest/api/token", (Ttl, "21601"))).StatusCode.Should().Be(400);
        tree.Answer(Request("PUT", "latest/api/token", (Ttl, "60"), ("X-Forwarded-For", "1.2.3.4"))).StatusCode.Should().Be(403);

        MetadataResponse given = tree.Answer(Request("PUT", "latest/api/token", (Ttl, "60")));

        given.Headers[Ttl].Should().Be("60");
        tree.Answer(Request("GET", "latest/user-data", (Session, BodyOf(given)))).StatusCode.Should().Be(200);
        tree.Answer(Request("GET", "latest/user-data", (Session, "other"))).StatusCode.Should().Be(401);
        time.Advance(TimeSpan.FromSeconds(61));
        tree.Answer(Request("GET", "latest/user-data", (Session, BodyOf(given)))).StatusCode.Should().Be(401);
    }

    [Fact]
    public void Ec2_refuses_a_wrong_token_also_where_none_is_needed() =>
        MetadataTrees.Ec2(Metadata)(Request("GET", "latest/user-data", (Session, "other"))).StatusCode.Should().Be(401);

    [Fact]
    public void NoCloud_answers_its_files()
    {
        Func<MetadataRequest, MetadataResponse> tree = MetadataTrees.NoCloud(
            new NoCloudMetadata
            {
                InstanceId = "a: b",
                Hostname = "one",
                NetworkConfig = "version: 2\n",
            }
        );

        BodyOf(tree(Request("GET", "meta-data"))).Should().Be("instance-id: \"a: b\"\nlocal-hostname: \"one\"\n");
        BodyOf(tree(Request("GET", "user-data"))).Should().Be("#cloud-config\n");
        BodyOf(tree(Request("GET", "network-config"))).Should().Be("version: 2\n");
        tree(Request("GET", "vendor-data")).StatusCode.Should().Be(200);
        tree(Request("GET", "")).StatusCode.Should().Be(404);
        tree(Request("PUT", "user-data")).StatusCode.Should().Be(405);
        MetadataTrees.NoCloud()(Request("GET", "network-config")).StatusCode.Should().Be(404);
    }

    [Theory]
    [InlineData("/", "root /")]
    [InlineData("/other", "root /other")]
    [InlineData("/a", "exact /a")]
    [InlineData("/a/", "below /a/")]
    [InlineData("/a/b", "below /a/b")]
    [InlineData("/ab", "root /ab")]
    public async Task The_longest_path_that_fits_counts(string asked, string answer)
    {
        var routes = new MetadataRoutes();
        foreach ((string path, string name) in ((string, string)[])[("/", "old"), ("/", "root"), ("/a", "exact"), ("/a/", "below")])
            routes.Set(path, (request, _) => Task.FromResult(MetadataResponse.Text($"{name} {path}{request.RelativePath}")));

        MetadataResponse response = await routes.AnswerAsync(
            Request("GET", "") with
            {
                Path = asked,
            },
            TestContext.Current.CancellationToken
        );

        BodyOf(response).Should().Be(answer);
    }

    private static string BodyOf(MetadataResponse response) => System.Text.Encoding.UTF8.GetString(response.Body.Span);

    private static MetadataRequest Request(string method, string path, params (string Name, string Value)[] headers) =>
        new()
        {
            Method = method,
            Path = $"/{path}",
            RelativePath = path,
            Headers = headers.ToDictionary(header => header.Name, header => header.Value, StringComparer.OrdinalIgnoreCase),
        };
}
