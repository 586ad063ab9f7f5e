using System.Net;
using System.Net.Http.Headers;
using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>
/// Fetches a file over HTTP into a partial one. A connection that is cut or silent is made anew and goes on from there, if the server still
/// has the same version; redirections are followed within the scheme.
/// </summary>
internal sealed class Download(string image, Uri address, PartialFile part, IProgress<StartProgress>? progress)
{
    private const int MaxRedirects = 10;

    // One after another without a single byte.
    private const int MaxAttempts = 5;

    private readonly DownloadProgress _told = new(image, progress);

    public required TimeSpan StallLimit { get; init; }

    public required TimeSpan RetryDelay { get; init; }

    /// <summary>Gets how long the file may be, for a server that sends without end. Default: as long as it is.</summary>
    public long MaxBytes { get; init; } = long.MaxValue;

    /// <summary>Returns when all of it is there.</summary>
    /// <exception cref="ImageException">The server refuses, or does not come back.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            // Plain HTTP is for this machine only, so no proxy gets to see it.
            UseProxy = address.Scheme != Uri.UriSchemeHttp,
            ConnectTimeout = StallLimit,
        };
        using var client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        for (int attempt = 1; ; attempt++)
        {
            long before = part.Length;
            try
            {
                if (await TryGoOnAsync(client, cancellationToken).ConfigureAwait(false))
                    return;
            }
            catch (Exception e) when (e is HttpRequestException or HttpIOException or TimeoutException || IsCut(e))
            {
                attempt = part.Length > before ? 1 : attempt;
                if (attempt >= MaxAttempts)
                    throw Failure(
                        $"the server did not answer, or broke off, {MaxAttempts} times in a row",
                        e.Message,
                        "start again: what has come is kept, and the download goes on from there.",
                        e
                    );
                progress?.Report(
                    new StartProgress(
                        $"image {image}: fetching",
                        PrintableText.Of($"goes on after {part.Length} bytes, because {e.Message}")
                    )
                );
                await Clock.System.Delay(RetryDelay * (1 << (attempt - 1)), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // The network's errors, not the disk's.
    private static bool IsCut(Exception e) => e is IOException { InnerException: System.Net.Sockets.SocketException };

    // False where the answer was for another version or another place, and what was there is gone.
    private async Task<bool> TryGoOnAsync(HttpClient client, CancellationToken cancellationToken)
    {
        string? version = part.Version;
        if (version is null)
            part.Delete();
        long have = part.Length;
        using HttpResponseMessage response = await AskAsync(client, have, version, cancellationToken).ConfigureAwait(false);
        switch (response.StatusCode)
        {
            case HttpStatusCode.PartialContent when have > 0 && response.Content.Headers.ContentRange is { From: { } from } && from == have:
                break;
            case HttpStatusCode.OK:
                // The whole: a server that ignores ranges, or has another version by now.
                part.Delete();
                part.Version = VersionOf(response);
                break;
            case HttpStatusCode.RequestedRangeNotSatisfiable when have > 0 && response.Content.Headers.ContentRange?.Length == have:
                return true;
            case HttpStatusCode.RequestedRangeNotSatisfiable or HttpStatusCode.PartialContent when have > 0:
                part.Delete();
                return false;
            case HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError:
                throw new HttpRequestException($"the server says {Status(response)}");
            default:
                throw Failure("the server refuses", Status(response), "check the address.");
        }

        long? total = response.Content.Headers.ContentRange?.Length ?? response.Content.Headers.ContentLength;
        _told.Report(part.Length, total);
        using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await part.AppendAsync(body, Received, StallLimit, cancellationToken).ConfigureAwait(false);
        return total is null || part.Length >= total
            ? true
            : throw new HttpRequestException($"the connection was closed after {part.Length} of {total} bytes");

        void Received(long length)
        {
            if (length > MaxBytes)
            {
                part.Delete();
                throw Failure("it is longer than it may be", $"{MaxBytes} bytes are allowed", null);
            }

            _told.Report(length, total);
        }
    }

    private async Task<HttpResponseMessage> AskAsync(HttpClient client, long have, string? version, CancellationToken cancellationToken)
    {
        Uri at = address;
        for (int redirects = 0; redirects <= MaxRedirects; redirects++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, at);
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
            if (have > 0)
            {
                request.Headers.Range = new RangeHeaderValue(have, null);
                request.Headers.TryAddWithoutValidation("If-Range", version);
            }

            HttpResponseMessage response = await SendAsync(client, request, cancellationToken).ConfigureAwait(false);
            if ((int)response.StatusCode is < 300 or > 399 || response.Headers.Location is not { } location)
                return response;
            response.Dispose();
            var next = new Uri(at, location);
            if (next.Scheme != address.Scheme || (next.Scheme == Uri.UriSchemeHttp && !ImageReference.IsLoopback(next)))
                throw Failure(
                    "it is redirected to where it is not followed",
                    next.ToString(),
                    "name that address yourself, if it is right: https: leads to https: only, and http: to this machine only."
                );
            at = next;
        }

        throw Failure($"it is redirected more than {MaxRedirects} times", at.ToString(), null);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpClient client, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using Deadline wait = Clock.System.Limit(StallLimit, cancellationToken);
        try
        {
            return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, wait.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"the server did not answer for {StallLimit.TotalSeconds:0.#} s", e);
        }
    }

    // What If-Range takes (RFC 9110, 13.1.5): a strong entity tag, or else a date.
    private static string? VersionOf(HttpResponseMessage response) =>
        response.Headers.ETag is { IsWeak: false } tag ? tag.ToString() : response.Content.Headers.LastModified?.ToString("R");

    private static string Status(HttpResponseMessage response) => $"{(int)response.StatusCode} {response.ReasonPhrase}".TrimEnd();

    private ImageException Failure(string what, string detail, string? remedy, Exception? inner = null) =>
        new(
            image,
            new FailureText($"Image '{image}': it could not be fetched, because {what}.")
                .Add("Address", address.ToString())
                .Add("Reason", detail)
                .Try(remedy),
            inner
        );
}
