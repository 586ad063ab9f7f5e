namespace TestHarness.Networks;

/// <summary>The head of a request (RFC 9112): what came before the body.</summary>
internal sealed record HttpRequest(string Method, string Path, string Query, bool IsHttp11, IReadOnlyDictionary<string, string> Headers)
{
    private const string TokenMarks = "!#$%&'*+-.^_`|~";

    /// <summary>Whether the client means to ask again on the same connection.</summary>
    public bool KeepsAlive => HasOption("Connection", "close") ? false : IsHttp11 || HasOption("Connection", "keep-alive");

    /// <summary>Whether the client waits to be told to send the body.</summary>
    public bool ExpectsContinue => IsHttp11 && HasOption("Expect", "100-continue");

    /// <summary>Reads a head's lines.</summary>
    /// <param name="requestLine">The first line.</param>
    /// <param name="fields">The others.</param>
    /// <exception cref="HttpFaultException">They are not right.</exception>
    public static HttpRequest Parse(string requestLine, IEnumerable<string> fields)
    {
        string[] words = requestLine.Split(' ');
        if (words.Length != 3 || !IsToken(words[0]))
            throw new HttpFaultException(400, "the request line is not \"METHOD target HTTP/1.1\"");
        if (words[2] is not ("HTTP/1.1" or "HTTP/1.0"))
            throw new HttpFaultException(words[2].StartsWith("HTTP/", StringComparison.Ordinal) ? 505 : 400, "the version is not HTTP/1.1");
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        foreach (string field in fields)
        {
            int colon = field.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1 || !IsToken(field[..colon]))
                throw new HttpFaultException(400, "a header field is not \"Name: value\"");
            string value = field[(colon + 1)..].Trim(' ', '\t');
            if (!IsFieldValue(value))
                throw new HttpFaultException(400, "a header field has a control character");
            headers[field[..colon]] = headers.TryGetValue(field[..colon], out string? before) ? $"{before}, {value}" : value;
        }

        bool is11 = words[2] == "HTTP/1.1";
        if (is11 && !headers.ContainsKey("Host"))
            throw new HttpFaultException(400, "there is no Host");
        (string path, string query) = Split(words[1]);
        return new HttpRequest(words[0], path, query, is11, headers);
    }

    /// <summary>Whether a text can be the name of a header field or a method.</summary>
    public static bool IsToken(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || TokenMarks.Contains(c, StringComparison.Ordinal));

    /// <summary>Whether a text can be the value of a header field.</summary>
    public static bool IsFieldValue(string text) => text.All(c => c is '\t' or (>= ' ' and not '\x7f'));

    // Clients that mean a proxy send the whole URL.
    private static (string Path, string Query) Split(string target)
    {
        const string scheme = "http://";
        if (target.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
        {
            int slash = target.IndexOf('/', scheme.Length);
            target = slash < 0 ? "/" : target[slash..];
        }

        if (!target.StartsWith('/') || target.Any(c => c is <= ' ' or >= '\x7f'))
            throw new HttpFaultException(400, "the target is not a path");
        int query = target.IndexOf('?', StringComparison.Ordinal);
        return query < 0 ? (Uri.UnescapeDataString(target), "") : (Uri.UnescapeDataString(target[..query]), target[(query + 1)..]);
    }

    private bool HasOption(string header, string option) =>
        Headers.TryGetValue(header, out string? value)
        && value.Split(',').Any(part => part.Trim().Equals(option, StringComparison.OrdinalIgnoreCase));
}
