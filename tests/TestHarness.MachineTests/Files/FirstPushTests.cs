using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Files;

[Fault(
    "A folder is pushed to where nothing is yet, and has something in it that no archive brings as rsync does: a pipe.",
    "It goes as one archive, and everything is as rsync would have made it. What can't go so goes by rsync."
)]
public sealed class FirstPushTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("first-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Source => Path.Combine(_folder, "app");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Everything_is_as_rsync_makes_it()
    {
        Make();
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = "debian-12" }, cancellationToken: Token);
        await vm.Shell.RunAsync("mkdir /srv/empty", cancellationToken: Token);
        (string Path, string Target, string? Owner)[] ways =
        [
            ($"{Source}/", "new", null),
            (Source, "named", "www-data"),
            ($"{Source}/", "empty", "33:root"),
        ];
        foreach ((string path, string target, string? owner) in ways)
        {
            SyncResult first = await vm.Files.PushAsync(path, $"/srv/{target}", new SyncOptions { Owner = owner }, Token);
            // A pattern makes it rsync's.
            SyncResult byRsync = await vm.Files.PushAsync(
                path,
                $"/srv/rsync-{target}",
                new SyncOptions { Owner = owner, Exclude = ["not there"] },
                Token
            );

            first.Bytes.Should().Be(byRsync.Bytes);
            first
                .Changes.Where(change => change.Path != "./")
                .Should()
                .BeEquivalentTo(byRsync.Changes.Where(change => change.Path != "./"));
            (await ListAsync(vm, $"/srv/{target}")).Should().Be(await ListAsync(vm, $"/srv/rsync-{target}"));
            (await vm.Files.PushAsync(path, $"/srv/{target}", new SyncOptions { Owner = owner }, Token)).Changes.Should().BeEmpty();
        }
    }

    [Fact]
    public async Task What_no_archive_brings_goes_by_rsync()
    {
        Make();
        Process.Start("mkfifo", [Path.Combine(Source, "pipe")]).WaitForExit();
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);

        SyncResult pushed = await vm.Files.PushAsync($"{Source}/", "/root/app/", cancellationToken: Token);

        pushed.Changes.Should().Contain(change => change.Path == "sub/file").And.NotContain(change => change.Path == "pipe");
        (await vm.Shell.RunAsync("ls /root/app; cat /root/app/sub/file", cancellationToken: Token))
            .StandardOutput.Should()
            .NotContain("pipe");
    }

    private void Make()
    {
        Directory.CreateDirectory(Path.Combine(Source, "sub/empty"));
        File.WriteAllText(Path.Combine(Source, "sub/file"), "content");
        File.WriteAllText(Path.Combine(Source, "program"), "#!/bin/sh\n");
        File.SetUnixFileMode(Path.Combine(Source, "program"), (UnixFileMode)0b100_111_101_101);
        File.WriteAllText(Path.Combine(Source, "it's a \"name\"\nä"), "");
        File.CreateSymbolicLink(Path.Combine(Source, "link"), "/nowhere");
        Process.Start("ln", [Path.Combine(Source, "program"), Path.Combine(Source, "second")]).WaitForExit();
        File.SetLastWriteTimeUtc(Path.Combine(Source, "sub/file"), new DateTime(2020, 1, 2, 3, 4, 5, 678, DateTimeKind.Utc));
        Directory.SetLastWriteTimeUtc(Path.Combine(Source, "sub"), new DateTime(2021, 1, 2, 3, 4, 5, DateTimeKind.Utc));
    }

    private static async Task<string> ListAsync(VirtualMachine vm, string folder) =>
        (
            await vm.Shell.RunAsync(
                $"cd {folder} && find . -mindepth 1 -printf '%P %y %m %U:%G %n %s %T@ %l\\n' | sort && "
                    + "find . -type f -exec sha256sum {} + | sort",
                cancellationToken: Token
            )
        ).StandardOutput;
}
