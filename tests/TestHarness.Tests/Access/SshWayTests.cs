using System.Net;
using System.Net.Sockets;
using FluentAssertions;
using TestHarness.Access;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Access;

/// <summary>SSH without a guest: what answers on the port is no sshd, or one that stalls. What is seen is told.</summary>
public sealed class SshWayTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n", "something else than an sshd answers: \"HTTP/1.1 400 Bad Request\"")]
    [InlineData("", "nothing listens there")]
    public async Task Tells_what_answers_in_place_of_an_sshd(string answer, string state)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task serving = ServeAsync(listener, async client => await client.SendAsync(System.Text.Encoding.ASCII.GetBytes(answer), Token));
        await using SshWay way = Way((IPEndPoint)listener.LocalEndpoint);

        await SeeAsync(way, state);

        listener.Stop();
        await serving;
    }

    [Fact]
    public async Task Tells_an_sshd_that_stalls_before_its_banner()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var over = new TaskCompletionSource();
        Task serving = ServeAsync(listener, _ => over.Task);
        await using SshWay way = Way((IPEndPoint)listener.LocalEndpoint);

        await SeeAsync(way, "no banner came within 1 s");

        over.SetResult();
        listener.Stop();
        await serving;
    }

    [Fact]
    public async Task Tells_a_port_that_nobody_has_opened()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using SshWay way = Way((IPEndPoint)taken.LocalEndPoint!);

        await SeeAsync(way, "no connection: Connection refused");
    }

    [Fact]
    public void Goes_by_nothing_of_the_users_own()
    {
        IReadOnlyList<string> arguments = SshArguments.For(
            new SshFiles("/run/with space"),
            "/run/with space/id",
            new IPEndPoint(IPAddress.Loopback, 2222),
            "root"
        );

        arguments.Should().ContainInOrder("ssh", "-F", "none").And.ContainInOrder("-p", "2222", "root@127.0.0.1");
        arguments
            .Should()
            .Contain([
                "StrictHostKeyChecking=yes",
                "GlobalKnownHostsFile=none",
                "IdentityAgent=none",
                "UserKnownHostsFile=\"/run/with space/known_hosts\"",
            ]);
        arguments.Should().NotContain(argument => argument.Contains("=no") && argument.StartsWith("StrictHostKey"));
    }

    [Fact]
    public async Task Keys_are_for_their_user_only()
    {
        var files = new SshFiles(Path.Combine(_folder, "ssh"));
        await files.MakeAsync(hostKey: true, Token);

        File.GetUnixFileMode(Path.Combine(_folder, "ssh"))
            .Should()
            .Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.GetUnixFileMode(files.Identity).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await File.ReadAllTextAsync(files.KnownHosts, Token))
            .Should()
            .Be($"testharness {files.HostKey.Public}\n")
            .And.StartWith("testharness ssh-ed25519 ");
    }

    private static async Task SeeAsync(SshWay way, string state)
    {
        using var seen = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Task waiting = way.AnswersAsync(seen.Token);
        while (!way.State.EndsWith(state, StringComparison.Ordinal) && !waiting.IsCompleted)
            await Task.Delay(10, Token);
        await seen.CancelAsync();
        await FluentActions.Awaiting(() => waiting).Should().ThrowAsync<OperationCanceledException>();
        way.State.Should().EndWith(state).And.StartWith("SSH as root on the guest's port 22: ");
    }

    private static async Task ServeAsync(TcpListener listener, Func<Socket, Task> serve)
    {
        try
        {
            while (true)
            {
                using Socket client = await listener.AcceptSocketAsync(Token);
                await serve(client);
            }
        }
        catch (SocketException)
        {
            // It was stopped, or the other side has gone.
        }
    }

    private SshWay Way(IPEndPoint host) => new(new SshAccess(), new SshFiles(_folder), host, _ => TimeSpan.FromSeconds(1));
}
