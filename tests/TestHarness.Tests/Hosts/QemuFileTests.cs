using System.Net.Sockets;
using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

/// <summary>What QEMU made is used; what somebody who broke out into QEMU has put at its place is not.</summary>
public sealed class QemuFileTests : IDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("qemu-file").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Name => Path.Combine(_folder, "screen");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Reads_and_copies_a_file()
    {
        await File.WriteAllTextAsync(Name, "picture", Token);
        QemuUser.Give(Name);

        QemuFile.Copy(Name, $"{Name}-copy");

        (await QemuFile.ReadAsync(Name, Token)).Should().Equal("picture"u8.ToArray());
        (await File.ReadAllTextAsync($"{Name}-copy", Token)).Should().Be("picture");
    }

    [Theory]
    [InlineData("echo secret > ours; ln -s ours screen")]
    [InlineData("echo secret > ours; ln ours screen")]
    [InlineData("mkfifo screen")]
    [InlineData("mkdir screen")]
    [InlineData("truncate -s 65M screen")]
    [InlineData("true")]
    public async Task Refuses_everything_else(string script)
    {
        (await HelperProgram.RunAsync("sh", ["-c", script], new HelperOptions { WorkingDirectory = _folder }, Token))
            .ExitCode.Should()
            .Be(0);
        if (Native.StatusOfItself(Name) is { IsPlainFile: true, Names: 1 })
            QemuUser.Give(Name);

        (
            await FluentActions.Awaiting(() => QemuFile.ReadAsync(Name, Token).WaitAsync(Bound, Token)).Should().ThrowAsync<IOException>()
        ).WithMessage($"'{Name}'*");
    }

    [Fact]
    public async Task Connects_to_a_socket()
    {
        using Socket listener = Listen(Name);
        QemuUser.Give(Name);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        await QemuFile.ConnectAsync(socket, Name, Token);

        socket.Connected.Should().BeTrue();
    }

    [Fact]
    public async Task Does_not_connect_to_what_a_link_leads_to()
    {
        using Socket listener = Listen(Path.Combine(_folder, "ours"));
        File.CreateSymbolicLink(Name, "ours");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        (await FluentActions.Awaiting(() => QemuFile.ConnectAsync(socket, Name, Token)).Should().ThrowAsync<IOException>()).WithMessage(
            "*a symbolic link*"
        );

        socket.Connected.Should().BeFalse();
    }

    private static Socket Listen(string path)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        return listener;
    }
}
