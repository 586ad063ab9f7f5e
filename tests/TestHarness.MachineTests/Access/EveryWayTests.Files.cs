using System.Security.Cryptography;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Access;

// Single files.
public abstract partial class EveryWayTests
{
    [Theory]
    [InlineData("plain", "")]
    [InlineData("new folder\n/it's \"odd\" ä", "ä\n\n'$x' \\ no end")]
    public async Task Writes_and_reads_text_as_it_is(string name, string text)
    {
        await Vm.Files.WriteTextAsync($"{Folder}/{name}", text, cancellationToken: Token);

        (await Vm.Files.ReadTextAsync($"{Folder}/{name}", cancellationToken: Token)).Should().Be(text);
    }

    [Fact]
    public async Task Writes_and_reads_bytes_as_they_are()
    {
        byte[] random = RandomNumberGenerator.GetBytes(300_000);

        await Vm.Files.WriteBytesAsync($"{Folder}/random", random, cancellationToken: Token);

        (await Vm.Files.ReadBytesAsync($"{Folder}/random", cancellationToken: Token)).AsSpan().SequenceEqual(random).Should().BeTrue();
        (await Shell.RunAsync($"stat -c '%a %U' {Folder}/random; ls -A {Folder}", cancellationToken: Token))
            .Should()
            .HaveOutput("644 root\nrandom");
    }

    [Fact]
    public async Task Keeps_mode_and_owner_of_a_file_unless_asked_otherwise()
    {
        await Shell.RunAsync($"umask 077; echo old > {Folder}; chown nobody {Folder}", cancellationToken: Token);
        const string Stat = "stat -c '%a %U:%G'";

        await Vm.Files.WriteTextAsync(Folder, "new", cancellationToken: Token);
        (await Shell.RunAsync($"{Stat} {Folder}; cat {Folder}", cancellationToken: Token)).Should().HaveOutput("600 nobody:root\nnew");
        await Vm.Files.WriteTextAsync(
            Folder,
            "newer",
            new GuestFileOptions { Mode = UnixFileMode.UserRead | UnixFileMode.GroupRead, Owner = "root:nogroup" },
            Token
        );
        (await Shell.RunAsync($"{Stat} {Folder}; cat {Folder}", cancellationToken: Token)).Should().HaveOutput("440 root:nogroup\nnewer");
    }

    [Fact]
    public async Task Tells_what_exists()
    {
        await Shell.RunAsync($"mkdir {Folder}; ln -s nowhere {Folder}/link", cancellationToken: Token);

        (await Vm.Files.ExistsAsync(Folder, cancellationToken: Token)).Should().BeTrue();
        (await Vm.Files.ExistsAsync($"{Folder}/link", cancellationToken: Token)).Should().BeTrue();
        (await Vm.Files.ExistsAsync($"{Folder}/not", cancellationToken: Token)).Should().BeFalse();
    }

    [Fact]
    public async Task Names_the_file_that_can_not_be_read_or_written()
    {
        await Vm
            .Files.Invoking(files => files.ReadTextAsync("/no/such", cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*Command: reading '/no/such' of the guest*No such file*");
        await Vm
            .Files.Invoking(files => files.WriteTextAsync("/tmp", "x", cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*/tmp: Is a directory*");
        await Vm
            .Files.Invoking(files => files.WriteTextAsync("relative", "x", cancellationToken: Token))
            .Should()
            .ThrowAsync<ArgumentException>()
            .WithMessage("*\"relative\" is not absolute*");
    }
}
