using System.Buffers;
using System.Globalization;

namespace TestHarness.Networks;

/// <summary>Reads a request's body (RFC 9112, section 6): counted, or in chunks.</summary>
internal static class HttpBody
{
    /// <summary>The largest body.</summary>
    public const int MaxBytes = 1024 * 1024;

    private const int MaxChunkLine = 256;
    private const int MaxTrailers = 32;

    /// <summary>Tells whether a request has a body that is still to come.</summary>
    /// <exception cref="HttpFaultException">It can't be told how long it is, or it is too long.</exception>
    public static bool IsComing(HttpRequest request) => IsChunked(request) || Length(request) > 0;

    /// <summary>Reads the body.</summary>
    /// <exception cref="HttpFaultException">It is not right, or too long.</exception>
    public static async Task<byte[]> ReadAsync(HttpRequest request, HttpInput input, CancellationToken cancellationToken)
    {
        if (IsChunked(request))
            return await ReadChunksAsync(input, cancellationToken).ConfigureAwait(false);
        byte[] body = new byte[Length(request)];
        await input.ReadExactlyAsync(body, cancellationToken).ConfigureAwait(false);
        return body;
    }

    // Both at once is how requests are smuggled.
    private static bool IsChunked(HttpRequest request)
    {
        if (!request.Headers.TryGetValue("Transfer-Encoding", out string? encoding))
            return false;
        if (request.Headers.ContainsKey("Content-Length") || !request.IsHttp11)
            throw new HttpFaultException(400, "Transfer-Encoding can't be here");
        return encoding.Equals("chunked", StringComparison.OrdinalIgnoreCase)
            ? true
            : throw new HttpFaultException(501, "the only Transfer-Encoding is chunked");
    }

    private static int Length(HttpRequest request)
    {
        if (!request.Headers.TryGetValue("Content-Length", out string? text))
            return 0;
        if (!text.All(char.IsAsciiDigit) || !ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong length))
            throw new HttpFaultException(400, "Content-Length is no number");
        return length <= MaxBytes ? (int)length : throw TooLong();
    }

    private static async Task<byte[]> ReadChunksAsync(HttpInput input, CancellationToken cancellationToken)
    {
        var body = new ArrayBufferWriter<byte>();
        byte[] end = new byte[2];
        while (true)
        {
            string line = await ReadLineAsync(input, cancellationToken).ConfigureAwait(false);
            string size = line.Split(';')[0].TrimEnd(' ', '\t');
            if (size.Length is 0 or > 8 || !size.All(char.IsAsciiHexDigit))
                throw new HttpFaultException(400, "a chunk has no size");
            uint length = uint.Parse(size, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (length == 0)
                break;
            if (body.WrittenCount + (long)length > MaxBytes)
                throw TooLong();
            await input.ReadExactlyAsync(body.GetMemory((int)length)[..(int)length], cancellationToken).ConfigureAwait(false);
            body.Advance((int)length);
            await input.ReadExactlyAsync(end, cancellationToken).ConfigureAwait(false);
            if (!end.AsSpan().SequenceEqual("\r\n"u8))
                throw new HttpFaultException(400, "a chunk is longer than its size");
        }

        for (int trailers = 0; await ReadLineAsync(input, cancellationToken).ConfigureAwait(false) is { Length: > 0 }; trailers++)
        {
            if (trailers == MaxTrailers)
                throw new HttpFaultException(431, "there are too many trailers");
        }

        return body.WrittenSpan.ToArray();
    }

    private static async Task<string> ReadLineAsync(HttpInput input, CancellationToken cancellationToken) =>
        await input.ReadLineAsync(MaxChunkLine, 400, cancellationToken).ConfigureAwait(false) ?? throw new EndOfStreamException();

    private static HttpFaultException TooLong() => new(413, $"the body is longer than {MaxBytes} bytes");
}
