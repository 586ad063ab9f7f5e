using System.Net;
using System.Net.Sockets;
using System.Text;
using FluentAssertions;
using TestHarness.Networks;
using Xunit;

namespace TestHarness.Tests.Networks;

public sealed class HttpConnectionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Hands_on_method_path_query_headers_and_body_and_keeps_the_connection()
    {
        List<MetadataRequest> seen = [];

        string answers = await AskAsync(
            "GET /a%20b?x=1&y=%20 HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one: 2\r\n\r\n"
                + "PUT http://169.254.169.254/c HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
                + "POST /d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                + "chunked\r\n\r\n5;name=value\r\nchunk\r\n2\r\ned\r\n0\r\nTrailer: 1\r\n\r\n"
                + "HEAD /e HTTP/1.0\r\n\r\n",
            request =>
            {
                seen.Add(request);
                return MetadataResponse.Text("hi") with { Headers = new Dictionary<string, string> { ["X-Two"] = "2" } };
            }
        );

        seen.Select(request => $"{request.Method} {request.Path} {request.Query} {request.BodyText}")
            .Should()
            .Equal("GET /a b x=1&y=%20 ", "PUT /c  body", "POST /d  chunked", "HEAD /e  ");
        seen[0].Headers["X-ONE"].Should().Be("1, 2");
        const string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nX-Two: 2\r\nConnection: ";
        string kept = $"{head}keep-alive\r\n\r\nhi";
        answers.Should().Be($"{kept}{kept}{kept}{head}close\r\n\r\n");
    }

    [Theory]
    [InlineData("hello\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400)]
    [InlineData("G{T / HTTP/1.1\r\nHost: h\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505)]
    [InlineData("GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 400)]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400)]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400)]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501)]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400)]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400)]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413)]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", 413)]
    public async Task Refuses_what_breaks_a_rule_and_closes(string request, int statusCode)
    {
        string answer = await AskAsync($"{request}GET /next HTTP/1.1\r\nHost: h\r\n\r\n", _ => MetadataResponse.Text("never"));

        answer.Should().StartWith($"HTTP/1.1 {statusCode} ").And.Contain("Connection: close").And.NotContain("never");
    }

    [Theory]
    [InlineData(40_000, 1, 414)]
    [InlineData(10, 40_000, 431)]
    public async Task Refuses_heads_that_are_too_long(int target, int field, int statusCode)
    {
        string answer = await AskAsync($"GET /{new string('a', target)} HTTP/1.1\r\nHost: {new string('b', field)}\r\n\r\n", _ =>
            MetadataResponse.Text("never")
        );

        answer.Should().StartWith($"HTTP/1.1 {statusCode} ");
    }

    [Fact]
    public async Task Asks_for_a_body_that_waits_to_be_asked_for()
    {
        string answer = await AskAsync(
            "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
            request => MetadataResponse.Text(request.BodyText)
        );

        answer.Should().StartWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n").And.EndWith("\r\n\r\nab");
    }

    [Fact]
    public async Task Does_nothing_with_a_request_that_is_cut()
    {
        string answer = await AskAsync("GET / HTTP/1.1\r\nHost: h\r\n", _ => MetadataResponse.Text("never"));

        answer.Should().BeEmpty();
    }

    [Theory]
    [InlineData(99, "X-A", "b")]
    [InlineData(200, "X A", "b")]
    [InlineData(200, "X-A", "b\r\nX-B: c")]
    [InlineData(200, "Content-Length", "1")]
    public void Refuses_answers_that_can_t_be_sent(int statusCode, string name, string value)
    {
        var response = new MetadataResponse
        {
            StatusCode = statusCode,
            Headers = new Dictionary<string, string> { [name] = value },
        };

        FluentActions.Invoking(() => HttpResponse.Checked(response)).Should().Throw<InvalidOperationException>();
    }

    // Sends all at once, ends sending, and reads to the end.
    private static async Task<string> AskAsync(string requests, Func<MetadataRequest, MetadataResponse> handler)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint, Token);
        using TcpClient server = await listener.AcceptTcpClientAsync(Token);
        Task serving = ServeAsync(server, handler);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(requests), Token);
        client.Client.Shutdown(SocketShutdown.Send);
        using var answers = new StreamReader(stream, Encoding.Latin1);
        string text = await answers.ReadToEndAsync(Token);
        await serving;
        return text;
    }

    private static async Task ServeAsync(TcpClient server, Func<MetadataRequest, MetadataResponse> handler)
    {
        using (server)
        {
            try
            {
                await HttpConnection.ServeAsync(
                    server.GetStream(),
                    () => server.Client.Shutdown(SocketShutdown.Send),
                    (request, _) => Task.FromResult(handler(request)),
                    Token
                );
            }
            catch (EndOfStreamException)
            {
                // The client went in the middle of a request.
            }
        }
    }
}
