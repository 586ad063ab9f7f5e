using System.Text;

namespace TestHarness;

/// <summary>A request that a program in the guest sent to <c>http://169.254.169.254/</c>.</summary>
public sealed record MetadataRequest
{
    /// <summary>Gets the method, as it was sent: <c>GET</c>, <c>PUT</c>.</summary>
    public required string Method { get; init; }

    /// <summary>Gets the path, beginning with <c>/</c>, without the query, percent-decoded.</summary>
    public required string Path { get; init; }

    /// <summary>
    /// Gets the part of the path that is below the handler's own: for a handler of <c>/seed/</c> and the path <c>/seed/user-data</c> it is
    /// <c>user-data</c>. Default: empty.
    /// </summary>
    public string RelativePath { get; init; } = "";

    /// <summary>Gets the query as it was sent, without the question mark. Default: empty.</summary>
    public string Query { get; init; } = "";

    /// <summary>
    /// Gets the header fields; upper and lower case of the names do not matter, and the values of a repeated one are joined by a comma.
    /// Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the body, at most 1 MiB. Default: empty.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Gets the body as UTF-8.</summary>
    public string BodyText => Encoding.UTF8.GetString(Body.Span);
}
