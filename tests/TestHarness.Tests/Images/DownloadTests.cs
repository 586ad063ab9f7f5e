using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>A server on 127.0.0.1 that behaves badly, or a download that is cut short.</summary>
public sealed class DownloadTests : FetchTests
{
    [Fact]
    public async Task Goes_on_where_a_connection_was_cut()
    {
        int cuts = 3;
        await using var server = new FileServer(request =>
            FileServer.Serve(Content, request) with
            {
                CutAfter = cuts-- > 0 ? 70_000 : null,
            }
        );

        string file = await GetAsync(server.Address());

        (await File.ReadAllBytesAsync(file, Token)).Should().Equal(Content);
        server.Requests.Select(request => request.From).Should().Equal(null, 70_000, 140_000, 210_000);
        server.Requests.Skip(1).Should().OnlyContain(request => request.IfRange == "\"one\"");
    }

    [Fact]
    public async Task Goes_on_at_the_next_start_where_the_server_did_not_come_back()
    {
        bool broken = true;
        await using var server = new FileServer(request =>
            FileServer.Serve(Content, request) with
            {
                CutAfter =
                    !broken ? null
                    : request.From is null ? 100_000
                    : 0,
            }
        );

        ImageException failure = (
            await FluentActions.Awaiting(() => GetAsync(server.Address())).Should().ThrowAsync<ImageException>()
        ).Which;
        broken = false;
        string file = await GetAsync(server.Address());

        failure
            .Message.Should()
            .StartWith(
                $"Image '{server.Address()}': it could not be fetched, because the server did not answer, or broke off, 5 times in a row."
            )
            .And.Contain("Try: start again: what has come is kept");
        (await File.ReadAllBytesAsync(file, Token)).Should().Equal(Content);
        server.Requests.Last().From.Should().Be(100_000);
        FilesButLocks().Should().Equal(Stored);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Begins_anew_where_the_server_ignores_ranges_or_has_another_version(bool ignores)
    {
        byte[] old = [.. Content.Reverse()];
        bool first = true;
        await using var server = new FileServer(request =>
        {
            if (!first)
                return FileServer.Serve(Content, ignores ? request with { From = null } : request, "\"two\"");
            first = false;
            return FileServer.Serve(old, request) with { CutAfter = 50_000 };
        });

        string file = await GetAsync(server.Address());

        (await File.ReadAllBytesAsync(file, Token)).Should().Equal(Content);
        server.Requests.Should().HaveCount(2);
    }

    [Fact]
    public async Task Begins_anew_where_nothing_tells_one_version_from_another()
    {
        int cuts = 1;
        await using var server = new FileServer(request =>
            FileServer.Serve(Content, request, tag: null) with
            {
                CutAfter = cuts-- > 0 ? 70_000 : null,
            }
        );

        await GetAsync(server.Address());

        server.Requests.Should().HaveCount(2).And.OnlyContain(request => request.From == null);
    }

    [Fact]
    public async Task Takes_a_file_whose_last_byte_had_come_before_the_cut()
    {
        // As a process leaves it that was killed before it had renamed the file.
        await using var server = new FileServer(request => FileServer.Serve(Content, request));
        Directory.CreateDirectory(Path.GetDirectoryName(Stored)!);
        await File.WriteAllBytesAsync($"{Stored}.part", Content, Token);
        await File.WriteAllTextAsync($"{Stored}.part.version", "\"one\"", Token);

        await GetAsync(server.Address());

        server.Requests.Select(request => request.From).Should().Equal(Content.Length);
        FilesButLocks().Should().Equal(Stored);
    }

    [Fact]
    public async Task Does_not_wait_for_a_server_that_is_silent()
    {
        bool first = true;
        await using var server = new FileServer(request =>
        {
            FileServer.Answer answer = FileServer.Serve(Content, request) with { CutAfter = first ? 70_000 : null, ThenSilent = first };
            first = false;
            return answer;
        });

        await GetAsync(server.Address(), stallLimit: TimeSpan.FromSeconds(1));

        server.Requests.Select(request => request.From).Should().Equal(null, 70_000);
        Progress.All.Should().Contain(step => step.Detail == "goes on after 70000 bytes, because nothing came for 1 s");
    }

    [Fact]
    public async Task Names_both_sums_and_leaves_nothing_where_they_differ()
    {
        string wanted = new('a', 64);
        await using var server = new FileServer(request => FileServer.Serve(Content, request));

        ImageException failure = (
            await FluentActions.Awaiting(() => GetAsync(server.Address(), wanted)).Should().ThrowAsync<ImageException>()
        ).Which;

        failure
            .Message.Should()
            .StartWith($"Image '{server.Address()}': it is not what it should be.\nSHA-256 wanted: {wanted}\nSHA-256 found: {Sum}\nTry: ");
        FilesButLocks().Should().BeEmpty();
    }

    [Theory]
    [InlineData("404 Not Found")]
    [InlineData("403 Forbidden")]
    public async Task Gives_up_at_once_where_the_server_refuses(string status)
    {
        await using var server = new FileServer(_ => new FileServer.Answer { Status = status });

        ImageException failure = (
            await FluentActions.Awaiting(() => GetAsync(server.Address())).Should().ThrowAsync<ImageException>()
        ).Which;

        failure
            .Message.Should()
            .Contain($"because the server refuses.\nAddress: {server.Address()}\nReason: {status}\nTry: check the address");
        server.Requests.Should().HaveCount(1);
        FilesButLocks().Should().BeEmpty();
    }

    [Fact]
    public async Task Tries_again_where_the_server_has_trouble()
    {
        int troubles = 2;
        await using var server = new FileServer(request =>
            troubles-- > 0 ? new FileServer.Answer { Status = "503 Service Unavailable" } : FileServer.Serve(Content, request)
        );

        await GetAsync(server.Address());

        server.Requests.Should().HaveCount(3);
    }

    [Theory]
    [InlineData("https://127.0.0.1:1/disk.raw")]
    [InlineData("file:///etc/passwd")]
    [InlineData("ftp://127.0.0.1/disk.raw")]
    [InlineData("http://192.0.2.1/disk.raw")]
    [InlineData("http://localhost.example/disk.raw")]
    public async Task Follows_nothing_to_another_scheme_or_out_of_this_machine(string target)
    {
        await using var server = new FileServer(_ => new FileServer.Answer { Status = "302 Found", Headers = [$"Location: {target}"] });

        ImageException failure = (
            await FluentActions.Awaiting(() => GetAsync(server.Address())).Should().ThrowAsync<ImageException>()
        ).Which;

        failure
            .Message.Should()
            .Contain($"because it is redirected to where it is not followed.\nAddress: {server.Address()}\nReason: {target}\n");
        server.Requests.Should().HaveCount(1);
    }

    [Fact]
    public async Task Follows_redirections_a_number_of_times()
    {
        await using var server = new FileServer(request =>
            request.Path == "/disk.raw"
                ? FileServer.Serve(Content, request)
                : new FileServer.Answer
                {
                    Status = "301 Moved Permanently",
                    Headers = [$"Location: {(request.Path == "/circle" ? "/circle" : "/disk.raw")}"],
                }
        );

        await GetAsync(server.Address("/moved"));
        File.Delete(Stored);
        Func<Task> circle = () => GetAsync(server.Address("/circle"));

        (await circle.Should().ThrowAsync<ImageException>()).Which.Message.Should().Contain("because it is redirected more than 10 times.");
    }

    [Fact]
    public async Task Keeps_what_has_come_when_it_is_cancelled()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await using var server = new FileServer(request =>
            FileServer.Serve(Content, request) with
            {
                CutAfter = 70_000,
                ThenSilent = true,
            }
        );
        var images = new FetchedImages(Root);
        Task get = images.GetAsync(server.Address(), Sum, Progress, cancel.Token);
        string part = $"{Stored}.part";
        await WaitUntilAsync(() => File.Exists(part) && new FileInfo(part).Length == 70_000);

        await cancel.CancelAsync();

        await FluentActions.Awaiting(() => get).Should().ThrowAsync<OperationCanceledException>();
        FilesButLocks().Should().Equal(part, $"{part}.version");
    }

    [Fact]
    public async Task Gives_up_at_its_limit_and_says_that_it_goes_on_later()
    {
        await using var server = new FileServer(request =>
            FileServer.Serve(Content, request) with
            {
                CutAfter = 70_000,
                ThenSilent = true,
            }
        );
        var images = new FetchedImages(Root) { Limit = TimeSpan.FromMilliseconds(500) };

        ImageException failure = (
            await FluentActions
                .Awaiting(() => images.GetAsync(server.Address(), Sum, Progress, Token))
                .Should()
                .ThrowAsync<ImageException>()
        ).Which;

        failure.Message.Should().Contain("it was not there within").And.Contain("Try: start again: what has come is kept");
        File.Exists($"{Stored}.part").Should().BeTrue();
    }

    private static async Task WaitUntilAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(5, Token);
    }
}
