using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;

namespace TestHarness.Networks;

/// <summary>The session tokens of IMDSv2.</summary>
internal sealed class Ec2Tokens(TimeProvider time)
{
    private const string TtlHeader = "X-aws-ec2-metadata-token-ttl-seconds";
    private const string TokenHeader = "X-aws-ec2-metadata-token";
    private const int LongestSeconds = 21600;
    private const int MaxTokens = 10000;

    private readonly ConcurrentDictionary<string, DateTimeOffset> _ends = new(StringComparer.Ordinal);

    /// <summary>Answers the request for a token.</summary>
    public MetadataResponse Give(MetadataRequest request)
    {
        // A request that came through a proxy is not of a program on the instance.
        if (request.Headers.ContainsKey("X-Forwarded-For"))
            return MetadataResponse.Text("403 - Forbidden\n", 403);
        if (
            !request.Headers.TryGetValue(TtlHeader, out string? text)
            || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            || seconds is < 1 or > LongestSeconds
        )
            return MetadataResponse.Text("400 - Bad Request\n", 400);
        DateTimeOffset now = time.GetUtcNow();
        // A guest that asks for one each time makes nothing grow.
        if (_ends.Count >= MaxTokens)
            _ends.Clear();
        string token = Convert.ToBase64String(RandomNumberGenerator.GetBytes(42));
        _ends[token] = now.AddSeconds(seconds);
        return MetadataResponse.Text(token) with { Headers = new Dictionary<string, string> { [TtlHeader] = text } };
    }

    /// <summary>
    /// Returns 401 for a request whose token is not valid, or that needs one and has none; otherwise <see langword="null"/>.
    /// </summary>
    public MetadataResponse? Refuse(MetadataRequest request, bool required)
    {
        bool valid = request.Headers.TryGetValue(TokenHeader, out string? token)
            ? _ends.TryGetValue(token, out DateTimeOffset end) && end > time.GetUtcNow()
            : !required;
        return valid ? null : MetadataResponse.Text("401 - Unauthorized\n", 401);
    }
}
