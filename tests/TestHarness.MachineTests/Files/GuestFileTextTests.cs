using System.Security.Cryptography;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.MachineTests.Access;
using Xunit;

namespace TestHarness.MachineTests.Files;

/// <summary>Single files in a guest whose tools are busybox's; the rest is in <see cref="EveryWayTests"/>.</summary>
public sealed class GuestFileTextTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private VirtualMachine Vm => tiny.Machine;

    [Fact]
    public async Task Writes_and_reads_text_and_bytes_as_they_are()
    {
        const string Path = "/tmp/text/new folder\n/it's \"odd\" ä";
        byte[] random = RandomNumberGenerator.GetBytes(300_000);

        await Vm.Files.WriteTextAsync(Path, "ä\n\n'$x' \\ no end", cancellationToken: Token);
        await Vm.Files.WriteBytesAsync("/tmp/text/random", random, cancellationToken: Token);
        await Vm.Files.WriteTextAsync("/tmp/text/empty", "", cancellationToken: Token);

        (await Vm.Files.ReadTextAsync(Path, cancellationToken: Token)).Should().Be("ä\n\n'$x' \\ no end");
        (await Vm.Files.ReadBytesAsync("/tmp/text/random", cancellationToken: Token)).AsSpan().SequenceEqual(random).Should().BeTrue();
        (await Vm.Files.ReadTextAsync("/tmp/text/empty", cancellationToken: Token)).Should().BeEmpty();
        (
            await Vm.Shell.RunAsync(
                "stat -c '%a %U' /tmp/text/random; ls -A /tmp/text | grep -c testharness || true",
                cancellationToken: Token
            )
        )
            .Should()
            .HaveOutput("644 root\n0");
    }

    [Fact]
    public async Task Keeps_mode_and_owner_of_what_is_there_unless_asked_otherwise()
    {
        await Vm.Shell.RunAsync(
            "umask 077; echo old > /tmp/kept; chown nobody /tmp/kept; ln -s kept /tmp/kept-link",
            cancellationToken: Token
        );

        await Vm.Files.WriteTextAsync("/tmp/kept", "new", cancellationToken: Token);
        await Vm.Files.WriteTextAsync(
            "/tmp/kept-link",
            "mine",
            new GuestFileOptions { Mode = UnixFileMode.UserRead | UnixFileMode.GroupRead, Owner = "root:nogroup" },
            Token
        );

        (await Vm.Shell.RunAsync("cd /tmp; stat -c '%a %U:%G %F' kept kept-link; cat kept kept-link", cancellationToken: Token))
            .Should()
            .HaveOutput("600 nobody:root regular file\n440 root:nogroup regular file\nnewmine");
    }
}
