using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Files;

/// <summary>Symbolic links that are followed, and sources that are not there, with rsync in the guest and with tar.</summary>
[Fault(
    "A pull or push has a source that is not there. Or it is to follow a link that leads nowhere. The guest has " + "rsync or tar.",
    "`GuestCommandException` has the guest's words. `FileNotFoundException` comes for a source on the host.",
    "TarSendTests"
)]
[Fault(
    "Files of a folder go away, or change, while it is copied.",
    "All files that stay are copied, and `SyncResult.Note` names the others.",
    "TarSendTests"
)]
public sealed class GuestFileLinkTests(Tiny tiny) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-links-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static SyncOptions Follow => new() { Links = SymbolicLinks.Follow };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Brings_what_links_of_the_guest_lead_to(bool byTar)
    {
        await using VirtualMachine vm = await StartAsync(byTar);
        await vm.Shell.RunAsync(
            "mkdir -p /srv/x/sub && cd /srv && echo real > outside && echo in > x/sub/file && ln -s ../outside x/link && ln -s "
                + "sub x/folder && ln -s /no/where gone",
            cancellationToken: Token
        );

        await vm.Files.PullAsync("/srv/x/link", $"{_folder}/one", Follow, Token);
        await vm.Files.PullAsync("/srv/x", $"{_folder}/all/", Follow, Token);

        foreach (string path in (string[])["one", "all/x/link", "all/x/folder/file"])
            new FileInfo($"{_folder}/{path}").Should().Match<FileInfo>(file => file.Exists && file.LinkTarget == null, path);
        File.ReadAllText($"{_folder}/one").Should().Be("real\n");
        await Pull("/srv/gone", Follow).Should().ThrowAsync<GuestCommandException>().WithMessage("*gone*");
        await vm.Shell.RunAsync("ln -s nowhere /srv/x/dangling", cancellationToken: Token);
        await Pull("/srv/x", Follow).Should().ThrowAsync<GuestCommandException>().WithMessage("*dangling*");
        await vm.Files.PullAsync("/srv/gone", $"{_folder}/kept", cancellationToken: Token);
        new FileInfo($"{_folder}/kept").LinkTarget.Should().Be("/no/where", "a link is copied as it is where nothing else was asked for");

        Func<Task> Pull(string path, SyncOptions options) => () => vm.Files.PullAsync(path, $"{_folder}/not/", options, Token);
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sends_what_links_of_the_host_lead_to(bool byTar)
    {
        await using VirtualMachine vm = await StartAsync(byTar);
        Directory.CreateDirectory($"{_folder}/x/sub");
        File.WriteAllText($"{_folder}/outside", "real");
        File.WriteAllText($"{_folder}/x/sub/file", "in");
        File.CreateSymbolicLink($"{_folder}/x/link", "../outside");
        File.CreateSymbolicLink($"{_folder}/x/folder", "sub");
        File.CreateSymbolicLink($"{_folder}/gone", "/no/where");

        await vm.Files.PushAsync($"{_folder}/x/link", "/srv/one", Follow, Token);
        await vm.Files.PushAsync($"{_folder}/x", "/srv/all/", Follow, Token);
        await vm.Files.PushAsync($"{_folder}/gone", "/srv/kept", cancellationToken: Token);

        (
            await vm.Shell.RunAsync(
                "cd /srv && find . -type l && cat one all/x/link all/x/folder/file && readlink kept",
                cancellationToken: Token
            )
        )
            .Should()
            .HaveOutput("./kept\nrealrealin/no/where");
        await vm
            .Files.Invoking(files => files.PushAsync($"{_folder}/gone", "/srv/", Follow, Token))
            .Should()
            .ThrowAsync<FileNotFoundException>()
            .WithMessage("*leads nowhere*");
        File.CreateSymbolicLink($"{_folder}/x/dangling", "nowhere");
        await vm
            .Files.Invoking(files => files.PushAsync($"{_folder}/x", "/srv/", Follow, Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*dangling*");
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Fails_for_a_source_that_is_not_there(bool byTar)
    {
        await using VirtualMachine vm = await StartAsync(byTar);

        foreach (string path in (string[])["/etc/nothing", "/etc/nothing/", "/no/folder/file", "/etc/passwd/"])
        {
            await vm
                .Files.Invoking(files => files.PullAsync(path, _folder, cancellationToken: Token))
                .Should()
                .ThrowAsync<GuestCommandException>(path);
            await vm
                .Files.Invoking(files => files.PullAsync(path, $"{_folder}/", new SyncOptions { DryRun = true }, Token))
                .Should()
                .ThrowAsync<GuestCommandException>(path);
        }

        foreach (string path in (string[])["nothing", "nothing/", "no/folder"])
            await vm
                .Files.Invoking(files => files.PushAsync($"{_folder}/{path}", "/srv/", cancellationToken: Token))
                .Should()
                .ThrowAsync<FileNotFoundException>(path);
        Directory.GetFileSystemEntries(_folder).Should().BeEmpty();
    }

    // Both sides send the large file before a small one, and open it only when the list of files is made. So this goes away in between: on
    // the host when the large file is on its way, in the guest by a loop there, which no busy host can keep waiting longer than the copy.
    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task Says_which_files_went_away_while_it_copied_the_others(bool isPush, bool byTar)
    {
        await using VirtualMachine vm = await StartAsync(byTar);

        SyncResult result = isPush ? await PushWhileAFileGoesAsync(vm) : await PullWhileFilesGoAsync(vm);

        result.Note.Should().Contain("the source changed while it was copied").And.MatchRegex("z[12]");
        result.Changes.Should().Contain(new SyncChange(SyncChangeKind.Created, "big"));
    }

    private async Task<SyncResult> PushWhileAFileGoesAsync(VirtualMachine vm)
    {
        Directory.CreateDirectory($"{_folder}/x");
        File.WriteAllText($"{_folder}/x/z1", "1");
        await using (FileStream big = File.Create($"{_folder}/x/big"))
            big.SetLength(100_000_000);

        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<SyncResult> copy = vm.Files.PushAsync($"{_folder}/x/", "/dev/shm/x/", new SyncOptions { Progress = new Told(began) }, Token);
        await await Task.WhenAny(began.Task, copy);
        File.Delete($"{_folder}/x/z1");
        return await copy;
    }

    private async Task<SyncResult> PullWhileFilesGoAsync(VirtualMachine vm)
    {
        await vm.Shell.RunAsync(
            "mkdir /dev/shm/x && cd /dev/shm/x && echo 1 > z1 && truncate -s 100000000 big && echo 2 > z2",
            cancellationToken: Token
        );
        await vm.Shell.RunAsync(
            """
            cd /dev/shm/x
            while :; do
                for open in /proc/[0-9]*/fd/*; do
                    if [ "$open" -ef big ]; then rm z1 z2; exit; fi
                done
            done > /dev/null 2>&1 &
            """,
            cancellationToken: Token
        );
        return await vm.Files.PullAsync("/dev/shm/x/", $"{_folder}/y/", cancellationToken: Token);
    }

    private async Task<VirtualMachine> StartAsync(bool byTar)
    {
        VirtualMachine vm = await tiny.StartFreshAsync(Token);
        if (byTar)
            await vm.Shell.RunAsync("rm \"$(command -v rsync)\"", cancellationToken: Token);
        return vm;
    }

    private sealed class Told(TaskCompletionSource began) : IProgress<SyncProgress>
    {
        public void Report(SyncProgress value)
        {
            if (value.Bytes > 1_000_000)
                began.TrySetResult();
        }
    }
}
