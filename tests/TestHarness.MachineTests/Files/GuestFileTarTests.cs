using System.Diagnostics;
using System.Formats.Tar;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Files;

/// <summary>Files to and from a guest without rsync: busybox's tar and GNU tar.</summary>
public sealed class GuestFileTarTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-tar-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Not Directory.Delete: .NET can't name what is not valid UTF-8.
    public void Dispose() => Process.Start("rm", ["-rf", _folder]).WaitForExit();

    [Trait("Speed", "Slow")]
    [Theory, VirtualMachine("tiny"), VirtualMachine("debian-12")]
    public async Task Carries_a_tree_both_ways_and_says_once_that_it_goes_by_tar(VirtualMachine vm)
    {
        await vm.Shell.RunAsync("rm \"$(command -v rsync)\"; mkdir -p /srv/x/old", cancellationToken: Token);
        string deep = string.Join('/', Enumerable.Repeat(new string('d', 250), 8));
        await HostShellAsync(
            "mkdir -p tree/sub tree/logs && cd tree && printf 'a\\nb' > \"$(printf 'a\\nb')\" && echo bad > \"$(printf "
                + "'bad\\377name')\" && echo dash > ./-rf && echo odd > \"it's \\\"odd\\\" ä\" && "
                + $"mkdir -p '{deep}' && echo deep > '{deep}/file' && echo long > {new string('n', 255)} && ln -s /etc/passwd "
                + "absolute && ln -s sub relative && "
                + "echo hard > one && ln one two && chmod 4751 one && echo skip > logs/x.log && echo keep > logs/keep && chmod "
                + "750 sub && touch -d '2001-02-03 04:05:06' sub/../one"
        );

        SyncResult pushed = await vm.Files.PushAsync(
            $"{_folder}/tree/",
            "/srv/x/",
            new SyncOptions { Exclude = ["*.log"], Owner = "daemon:daemon" },
            Token
        );
        await vm.Shell.RunAsync(
            "cd /srv/x && [ \"$(stat -c '%U:%G %a %Y' one)\" = \"daemon:daemon 4751 $(date -d '2001-02-03 04:05:06' +%s)\" ] && [ "
                + "\"$(readlink absolute)\" = /etc/passwd ] && [ -d old ] && mkfifo pipe",
            cancellationToken: Token
        );
        Directory.CreateDirectory($"{_folder}/back/left");
        var options = new SyncOptions { Delete = true, Exclude = ["/old"] };
        SyncResult would = await vm.Files.PullAsync("/srv/x/", $"{_folder}/back", options with { DryRun = true }, Token);
        Directory.Exists($"{_folder}/back/left").Should().BeTrue("a dry run changes nothing");
        SyncResult pulled = await vm.Files.PullAsync("/srv/x/", $"{_folder}/back", options, Token);
        SyncResult again = await vm.Files.PullAsync("/srv/x/", $"{_folder}/back", options, Token);

        await HostShellAsync(
            "rm tree/logs/x.log; chmod u-s tree/one; diff -r --no-dereference tree back; [ $(stat -c %a back/one) = 751 ]; [ "
                + "$(stat -c %a back/sub) = 750 ]"
        );
        pulled.Changes.Should().BeEquivalentTo(would.Changes);
        pulled
            .Changes.Should()
            .Contain(new SyncChange(SyncChangeKind.Deleted, "left/"))
            .And.Contain(new SyncChange(SyncChangeKind.Created, "bad\ufffdname"));
        again.Changes.Should().BeEmpty("unchanged files are left alone");
        pushed.Note.Should().Contain("no rsync").And.Be(again.Note);
        (await vm.CollectEvidenceAsync(Token))
            .Events.Count(entry => entry.What.Contains("no rsync", StringComparison.Ordinal))
            .Should()
            .Be(1);
    }

    [Trait("Speed", "Slow")]
    [Theory, VirtualMachine("tiny"), VirtualMachine("debian-12")]
    public async Task Keeps_the_rules_of_names_and_refuses_what_it_can_not_do(VirtualMachine vm)
    {
        await vm.Shell.RunAsync("rm \"$(command -v rsync)\"", cancellationToken: Token);
        await HostShellAsync("mkdir -p tree/sub && echo 1 > tree/sub/a && echo 2 > file");

        await vm.Files.PushAsync($"{_folder}/tree", "/srv/folder", cancellationToken: Token);
        await vm.Files.PushAsync($"{_folder}/file", "/srv/new/name", cancellationToken: Token);
        await vm.Files.PushAsync($"{_folder}/file", "/srv/folder", cancellationToken: Token);
        await vm.Files.PushAsync($"{_folder}/file", "/srv/other/", new SyncOptions { Permissions = "F600" }, Token);
        (await vm.Shell.RunAsync("cd /srv && find . -type f | sort && stat -c %a other/file && ls -A new", cancellationToken: Token))
            .Should()
            .HaveOutput("./folder/file\n./folder/tree/sub/a\n./new/name\n./other/file\n600\nname");
        await vm.Files.PullAsync("/srv/folder/tree", $"{_folder}/got", cancellationToken: Token);
        await vm.Files.PullAsync("/srv/new/name", $"{_folder}/renamed", cancellationToken: Token);
        File.ReadAllText($"{_folder}/got/tree/sub/a").Should().Be("1\n");
        File.ReadAllText($"{_folder}/renamed").Should().Be("2\n");

        await vm
            .Files.Invoking(files => files.PushAsync($"{_folder}/tree/", "/srv/refused/", new SyncOptions { Owner = "nobody-here" }, Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*nobody-here: not in the guest's passwd*");
        await vm
            .Files.Invoking(files => files.PullAsync("/no/such/file", $"{_folder}/", cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*/no/such*");
        await vm.Shell.RunAsync("mkdir -p /mnt/small && mount -t tmpfs -o size=1m none /mnt/small", cancellationToken: Token);
        await File.WriteAllBytesAsync($"{_folder}/big", new byte[3_000_000], Token);
        await vm
            .Files.Invoking(files => files.PushAsync($"{_folder}/big", "/mnt/small/", cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*No space left on device*");
    }

    [Trait("Speed", "Slow")]
    [Theory, VirtualMachine("tiny"), VirtualMachine("debian-12")]
    public async Task Deletes_on_a_push_what_the_source_lacks_and_tells_beforehand(VirtualMachine vm)
    {
        await HostShellAsync("mkdir -p tree/sub && echo 1 > tree/sub/a && echo 2 > tree/b");
        await vm.Shell.RunAsync("rm \"$(command -v rsync)\"", cancellationToken: Token);
        await vm.Files.PushAsync($"{_folder}/tree/", "/srv/x/", cancellationToken: Token);
        await vm.Shell.RunAsync(
            "cd /srv/x && mkdir -p old/deep && touch \"old/deep/it's\" -- '-rf' keep.log && echo other > b && ln -s /etc link && "
                + "touch /srv/stays",
            cancellationToken: Token
        );
        var options = new SyncOptions
        {
            Delete = true,
            DryRun = true,
            Exclude = ["*.log"],
        };

        SyncResult would = await vm.Files.PushAsync($"{_folder}/tree/", "/srv/x", options, Token);
        (await vm.Shell.RunAsync("cd /srv/x && ls", cancellationToken: Token))
            .Should()
            .HaveOutput("-rf\nb\nkeep.log\nlink\nold\nsub", "a dry run changes nothing");
        SyncResult did = await vm.Files.PushAsync($"{_folder}/tree/", "/srv/x", options with { DryRun = false }, Token);

        (await vm.Shell.RunAsync("cd /srv && find . | sort && cat x/b && [ -e /etc/passwd ]", cancellationToken: Token))
            .Should()
            .HaveOutput(".\n./stays\n./x\n./x/b\n./x/keep.log\n./x/sub\n./x/sub/a\n2");
        would
            .Changes.Select(change => $"{change.Kind} {change.Path}")
            .Should()
            .BeEquivalentTo("Deleted -rf", "Deleted link", "Deleted old/", "Deleted old/deep/", "Deleted old/deep/it's", "Updated b");
        did.Should().BeEquivalentTo(would);
        (await vm.Files.PushAsync($"{_folder}/tree/b", "/srv/b", new SyncOptions { DryRun = true }, Token))
            .Changes.Should()
            .Equal(new SyncChange(SyncChangeKind.Created, "b"));
        await vm.Shell.RunAsync("cp -p /srv/x/b /srv/c", cancellationToken: Token);
        (await vm.Files.PushAsync($"{_folder}/tree/b", "/srv/c", new SyncOptions { DryRun = true }, Token))
            .Changes.Should()
            .BeEmpty("it is there, by that name");
        (await vm.Files.PushAsync($"{_folder}/tree", "/srv/", options, Token))
            .Changes.Should()
            .Contain(new SyncChange(SyncChangeKind.Created, "tree/sub/a"))
            .And.NotContain(change => change.Kind == SyncChangeKind.Deleted);
    }

    [Trait("Speed", "Slow")]
    [Theory, VirtualMachine("debian-12")]
    public async Task Carries_holes_and_sizes_beyond_4_GiB(VirtualMachine vm)
    {
        await vm.Shell.RunAsync("rm \"$(command -v rsync)\"", cancellationToken: Token);
        await HostShellAsync("truncate -s 4300000000 holes && printf end >> holes");

        await vm.Files.PushAsync($"{_folder}/holes", "/srv/", new SyncOptions { Sparse = true }, Token);
        (
            await vm.Shell.RunAsync(
                "cd /srv && stat -c %s holes && [ $(du -k holes | cut -f1) -lt 1000 ] && tail -c 3 holes",
                cancellationToken: Token
            )
        )
            .Should()
            .HaveOutput("4300000003\nend");
        await vm.Files.PullAsync("/srv/holes", $"{_folder}/back", cancellationToken: Token);

        await HostShellAsync(
            "[ $(stat -c %s back) = 4300000003 ] && [ $(du -k back | cut -f1) -lt 1000 ] && [ \"$(tail -c 3 back)\" = end ]"
        );
    }

    [Theory, VirtualMachine("tiny")]
    public async Task Writes_nothing_outside_the_target_when_the_guests_tar_means_harm(VirtualMachine vm)
    {
        string outside = $"{_folder}/outside",
            target = $"{_folder}/target/";
        Directory.CreateDirectory(outside);
        File.WriteAllText($"{outside}/secret", "secret");
        using var archive = new MemoryStream();
        await using (var writer = new TarWriter(archive, TarEntryFormat.Gnu, leaveOpen: true))
        {
            await AddAsync(writer, TarEntryType.RegularFile, "./good", "good");
            await AddAsync(writer, TarEntryType.SymbolicLink, "./link", outside);
            await AddAsync(writer, TarEntryType.RegularFile, "./link/through", "evil");
            await AddAsync(writer, TarEntryType.CharacterDevice, "./device");
            await AddAsync(writer, TarEntryType.Fifo, "./pipe");
            await AddAsync(writer, TarEntryType.RegularFile, $"{outside}/absolute", "evil");
            await AddAsync(writer, TarEntryType.RegularFile, "../../outside/up", "evil");
            await AddAsync(writer, TarEntryType.HardLink, "./hard", $"{outside}/secret");
        }

        await vm.Files.WriteBytesAsync("/srv/evil.tar", archive.ToArray(), cancellationToken: Token);
        // busybox's shell has its tar built in, so it is the shell that means harm.
        const string Shell = "#!/bin/busybox sh\ncase $2 in *'tar -c'*) cat /srv/evil.tar ;; *) exec /bin/busybox sh \"$@\" ;; esac\n";
        await vm.Files.WriteTextAsync("/bin/sh", Shell, new GuestFileOptions { Mode = (UnixFileMode)0b111_101_101 }, Token);
        await vm.Shell.RunAsync("rm \"$(command -v rsync)\"; mkdir /srv/x", cancellationToken: Token);

        await vm
            .Files.Invoking(files => files.PullAsync("/srv/x/", target, cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>();

        Directory.GetFileSystemEntries(outside).Should().Equal($"{outside}/secret");
        Directory.GetFileSystemEntries(target).Should().BeEmpty("what is unpacked reaches the target only when all of it is sound");
        File.ReadAllText($"{outside}/secret").Should().Be("secret");
    }

    [Trait("Speed", "Slow")]
    [Theory, VirtualMachine("tiny")]
    public async Task Ends_with_the_guests_tar_and_with_the_callers_token(VirtualMachine vm)
    {
        await vm.Shell.RunAsync("rm \"$(command -v rsync)\"", cancellationToken: Token);
        await HostShellAsync("mkdir tree && head -c 60000000 /dev/urandom > tree/random");

        Task killed = vm.Files.PushAsync($"{_folder}/tree/", "/dev/shm/", cancellationToken: Token);
        await vm.Shell.RunAsync(
            "until pidof tar && [ -s /dev/shm/random ]; do usleep 5000; done; kill -9 $(pidof tar)",
            new ShellOptions { Timeout = TimeSpan.FromMinutes(1) },
            Token
        );
        await killed.Awaiting(task => task.WaitAsync(TimeSpan.FromSeconds(5), Token)).Should().ThrowAsync<GuestCommandException>();

        await vm.Shell.RunAsync("truncate -s 9000000000 /srv/zeros", cancellationToken: Token);
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Task pull = vm.Files.PullAsync(
            "/srv/zeros",
            $"{_folder}/zeros",
            new SyncOptions { Progress = new Canceller(cancelled) },
            cancelled.Token
        );
        (await pull.Awaiting(task => task.WaitAsync(TimeSpan.FromSeconds(30), Token)).Should().ThrowAsync<OperationCanceledException>())
            .Which.CancellationToken.Should()
            .Be(cancelled.Token);
        (await vm.Shell.RunAsync("pidof tar || echo none", cancellationToken: Token)).Should().HaveOutput("none");
    }

    private async Task HostShellAsync(string script)
    {
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-ec", script]) { WorkingDirectory = _folder })!;
        await shell.WaitForExitAsync(Token);
        shell.ExitCode.Should().Be(0, script);
    }

    private static async Task AddAsync(TarWriter writer, TarEntryType type, string name, string content = "")
    {
        var entry = new GnuTarEntry(type, name) { Mode = (UnixFileMode)0b111_111_101_101 };
        if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
            entry.LinkName = content;
        else if (type is TarEntryType.RegularFile)
            entry.DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(content));
        await writer.WriteEntryAsync(entry, Token);
    }

    private sealed class Canceller(CancellationTokenSource source) : IProgress<SyncProgress>
    {
        public void Report(SyncProgress value) => source.Cancel();
    }
}
