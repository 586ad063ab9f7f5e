using System.Text;

namespace TestHarness;

/// <summary>The answer to a <see cref="MetadataRequest"/>.</summary>
public sealed record MetadataResponse
{
    /// <summary>Gets the status code, 200 to 599. Default: 200.</summary>
    public int StatusCode { get; init; } = 200;

    /// <summary>Gets the type of the body. Default: <c>text/plain</c>.</summary>
    public string ContentType { get; init; } = "text/plain";

    /// <summary>Gets the body. Default: empty.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>
    /// Gets further header fields. <c>Content-Length</c>, <c>Content-Type</c>, <c>Transfer-Encoding</c> and <c>Connection</c> are the
    /// library's own. Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>Makes an answer of a text, as UTF-8.</summary>
    /// <param name="text">The text.</param>
    /// <param name="statusCode">The status code. Default: 200.</param>
    /// <returns>The answer.</returns>
    public static MetadataResponse Text(string text, int statusCode = 200) =>
        new() { StatusCode = statusCode, Body = Encoding.UTF8.GetBytes(text) };

    /// <summary>Makes an answer of JSON.</summary>
    /// <param name="json">The JSON text.</param>
    /// <returns>The answer.</returns>
    public static MetadataResponse Json(string json) => Text(json) with { ContentType = "application/json" };

    /// <summary>Makes the answer for what there is not: 404.</summary>
    /// <returns>The answer.</returns>
    public static MetadataResponse NotFound() => Text("404 - Not Found\n", 404);
}
