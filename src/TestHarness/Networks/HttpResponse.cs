using System.Globalization;
using System.Net;
using System.Text;

namespace TestHarness.Networks;

/// <summary>Writes answers (RFC 9112).</summary>
internal static class HttpResponse
{
    private static readonly HashSet<string> Own = new(
        ["Content-Length", "Content-Type", "Transfer-Encoding", "Connection"],
        StringComparer.OrdinalIgnoreCase
    );

    /// <summary>Returns an answer that can be sent.</summary>
    /// <exception cref="InvalidOperationException">It can't be.</exception>
    public static MetadataResponse Checked(MetadataResponse? response)
    {
        if (response is null)
            throw new InvalidOperationException("The handler returned null.");
        if (response.StatusCode is < 200 or > 599)
            throw new InvalidOperationException($"The handler's status code {response.StatusCode} is not 200 to 599.");
        foreach ((string name, string value) in response.Headers.Append(new("Content-Type", response.ContentType)))
        {
            if (
                !HttpRequest.IsToken(name)
                || !HttpRequest.IsFieldValue(value)
                || (Own.Contains(name) && response.Headers.ContainsKey(name))
            )
                throw new InvalidOperationException($"The handler's header field \"{name}\" can't be sent.");
        }

        return response;
    }

    /// <summary>The bytes of an answer.</summary>
    /// <param name="response">The answer; checked.</param>
    /// <param name="withBody">False for HEAD, which is told how long the body would be.</param>
    /// <param name="closes">Whether the connection ends with it.</param>
    public static byte[] Write(MetadataResponse response, bool withBody, bool closes)
    {
        bool empty = response.StatusCode is 204 or 304;
        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {response.StatusCode} {Reason(response.StatusCode)}\r\n");
        if (!empty)
            head.Append(
                CultureInfo.InvariantCulture,
                $"Content-Type: {response.ContentType}\r\nContent-Length: {response.Body.Length}\r\n"
            );
        foreach ((string name, string value) in response.Headers)
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        head.Append(closes ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n");
        return [.. Encoding.Latin1.GetBytes(head.ToString()), .. withBody && !empty ? response.Body.Span : default];
    }

    // "NotFound" is a name; "Not Found" is what clients show.
    private static string Reason(int statusCode) =>
        Enum.GetName((HttpStatusCode)statusCode) is { } name
            ? string.Concat(name.Select((c, index) => index > 0 && char.IsUpper(c) && char.IsLower(name[index - 1]) ? $" {c}" : $"{c}"))
            : "Status";
}
