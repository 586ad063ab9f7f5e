using TestHarness.Text;

namespace TestHarness.Networks;

/// <summary>Serves the requests of one connection from the guest, one after the other.</summary>
internal static class HttpConnection
{
    private const int MaxHeadBytes = 32 * 1024;
    private const int MaxFields = 100;

    // For a request to come in whole, or the next one to begin.
    private static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan CloseLimit = TimeSpan.FromSeconds(2);

    /// <summary>Serves until the client closes, asks for that, or breaks a rule.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="completeWriting">Ends the sending direction.</param>
    /// <param name="answer">Answers a request; does not throw but for the token.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task ServeAsync(
        Stream connection,
        Action completeWriting,
        Func<MetadataRequest, CancellationToken, Task<MetadataResponse>> answer,
        CancellationToken cancellationToken
    )
    {
        var input = new HttpInput(connection);
        bool goesOn = true;
        while (goesOn)
        {
            MetadataResponse response;
            bool withBody = true;
            try
            {
                using Deadline limit = Clock.System.Limit(RequestLimit, cancellationToken);
                if (await ReadHeadAsync(input, limit.Token).ConfigureAwait(false) is not { } request)
                    return;
                if (HttpBody.IsComing(request) && request.ExpectsContinue)
                    await connection.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), limit.Token).ConfigureAwait(false);
                byte[] body = await HttpBody.ReadAsync(request, input, limit.Token).ConfigureAwait(false);
                var asked = new MetadataRequest
                {
                    Method = request.Method,
                    Path = request.Path,
                    Query = request.Query,
                    Headers = request.Headers,
                    Body = body,
                };
                response = await answer(asked, cancellationToken).ConfigureAwait(false);
                withBody = request.Method != "HEAD";
                goesOn = request.KeepsAlive;
            }
            catch (HttpFaultException e)
            {
                response = MetadataResponse.Text($"{e.StatusCode} - {e.Message}\n", e.StatusCode);
                goesOn = false;
            }

            await connection.WriteAsync(HttpResponse.Write(response, withBody, closes: !goesOn), cancellationToken).ConfigureAwait(false);
        }

        completeWriting();
        await DrainAsync(connection, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<HttpRequest?> ReadHeadAsync(HttpInput input, CancellationToken cancellationToken)
    {
        if (await input.ReadLineAsync(MaxHeadBytes, 414, cancellationToken).ConfigureAwait(false) is not { } requestLine)
            return null;
        List<string> fields = [];
        int left = MaxHeadBytes - requestLine.Length;
        while (true)
        {
            string field = await input.ReadLineAsync(left, 431, cancellationToken).ConfigureAwait(false)
                ?? throw new EndOfStreamException();
            if (field.Length == 0)
                return HttpRequest.Parse(requestLine, fields);
            fields.Add(field);
            left -= field.Length;
            if (fields.Count > MaxFields)
                throw new HttpFaultException(431, "there are too many header fields");
        }
    }

    // A socket that is closed with unread bytes in it resets the connection, and the client may lose the answer.
    private static async Task DrainAsync(Stream connection, CancellationToken cancellationToken)
    {
        using Deadline limit = Clock.System.Limit(CloseLimit, cancellationToken);
        byte[] rest = new byte[16 * 1024];
        while (await connection.ReadAsync(rest, limit.Token).ConfigureAwait(false) > 0) { }
    }
}
