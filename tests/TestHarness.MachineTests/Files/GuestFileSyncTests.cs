using System.Diagnostics;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.MachineTests.Access;
using Xunit;

namespace TestHarness.MachineTests.Files;

/// <summary>
/// A sync's owner and holes, odd names, and a guest that is full or means harm; the rest is in <see cref="EveryWayTests"/>.
/// </summary>
public sealed class GuestFileSyncTests(Tiny tiny) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-sync-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private VirtualMachine Vm => tiny.Machine;

    // Not Directory.Delete: .NET can't name what is not valid UTF-8.
    public void Dispose() => Process.Start("rm", ["-rf", _folder]).WaitForExit();

    [Fact]
    public async Task Sets_owner_and_permissions_and_keeps_holes()
    {
        Write("owned/file", "x");
        await using (FileStream holes = File.Create($"{_folder}/owned/holes"))
            holes.SetLength(50_000_000);
        var seen = new Seen();

        await Vm.Files.PushAsync(
            $"{_folder}/owned/",
            "/tmp/owned/",
            new SyncOptions
            {
                Owner = "nobody:nogroup",
                Permissions = "D750,F640",
                Sparse = true,
                Progress = seen,
            },
            Token
        );

        (
            await Vm.Shell.RunAsync(
                "cd /tmp/owned && stat -c '%U:%G %a %n' . file && stat -c %s holes && du -k holes | cut -f1",
                cancellationToken: Token
            )
        )
            .Should()
            .HaveOutput("nobody:nogroup 750 .\nnobody:nogroup 640 file\n50000000\n0");
        seen.Last.Should().Be(new SyncProgress(50_000_001, 100));
    }

    [Fact]
    public async Task Carries_names_that_are_no_text()
    {
        await Vm.Shell.RunAsync(
            "mkdir -p /tmp/odd && cd /tmp/odd && touch \"$(printf 'bad\\377name')\" ' -rf *' \"$(printf 'a\\nb')\" '\\#012'",
            cancellationToken: Token
        );

        SyncResult pulled = await Vm.Files.PullAsync("/tmp/odd/", $"{_folder}/odd/", cancellationToken: Token);
        await Vm.Files.PushAsync($"{_folder}/odd/", "/tmp/odd-again/", cancellationToken: Token);

        pulled.Changes.Select(change => change.Path).Should().Contain([" -rf *", "a\nb", "\\#012", "bad\ufffdname"]);
        await Vm.Shell.RunAsync(
            "cd /tmp; [ \"$(ls odd | od -c)\" = \"$(ls odd-again | od -c)\" ] && [ $(find odd-again -type f -print0 | tr -dc "
                + "'\\0' | wc -c) = 4 ]",
            cancellationToken: Token
        );
    }

    [Fact]
    public async Task Says_so_when_the_guests_disk_is_full()
    {
        await Vm.Shell.RunAsync("mkdir -p /mnt/small && mount -t tmpfs -o size=1m none /mnt/small", cancellationToken: Token);
        await File.WriteAllBytesAsync($"{_folder}/big", new byte[3_000_000], Token);

        (
            await Vm
                .Files.Invoking(files => files.PushAsync($"{_folder}/big", "/mnt/small/", cancellationToken: Token))
                .Should()
                .ThrowAsync<GuestCommandException>()
        ).WithMessage("*Standard error:*No space left on device*");
        (
            await Vm
                .Files.Invoking(files => files.WriteBytesAsync("/mnt/small/big", new byte[3_000_000], cancellationToken: Token))
                .Should()
                .ThrowAsync<GuestCommandException>()
        ).WithMessage("*Command: writing '/mnt/small/big' in the guest*No space left on device*");
        (await Vm.Shell.RunAsync("ls -A /mnt/small; umount /mnt/small", cancellationToken: Token))
            .Should()
            .HaveOutput("", "what was half written is removed");
    }

    [Fact]
    public async Task Writes_nothing_outside_the_target_of_a_pull()
    {
        Directory.CreateDirectory($"{_folder}/outside");
        string target = $"{_folder}/target/";
        await Vm.Shell.RunAsync(
            $"mkdir -p /tmp/trap && cd /tmp/trap && ln -s {_folder}/outside sub && ln -s {_folder}/outside/file file && ln -s "
                + "real inside && echo x > real && chmod 6755 real && mkfifo pipe && mknod disk b 8 0",
            cancellationToken: Token
        );
        await Vm.Files.PullAsync("/tmp/trap/", target, cancellationToken: Token);
        await Vm.Shell.RunAsync(
            "cd /tmp/trap && rm sub file && mkdir sub && echo evil > sub/evil && echo evil > file",
            cancellationToken: Token
        );

        await Vm.Files.PullAsync("/tmp/trap/", target, cancellationToken: Token);

        Directory.GetFileSystemEntries($"{_folder}/outside").Should().BeEmpty("the links of the first pull are replaced, not followed");
        File.ReadAllText($"{target}sub/evil").Should().Be("evil\n");
        new FileInfo($"{target}inside").LinkTarget.Should().Be("real");
        File.GetUnixFileMode($"{target}real")
            .Should()
            .NotHaveFlag(UnixFileMode.SetUser)
            .And.NotHaveFlag(UnixFileMode.SetGroup)
            .And.HaveFlag(UnixFileMode.UserExecute);
        Directory.GetFileSystemEntries(target).Select(Path.GetFileName).Should().BeEquivalentTo("sub", "file", "inside", "real");
    }

    [Fact]
    public async Task Leaves_out_links_that_lead_out_where_asked_to()
    {
        await Vm.Shell.RunAsync(
            "mkdir -p /tmp/links/a && cd /tmp/links && ln -s /etc absolute && ln -s ../../../etc a/up && ln -s ../b a/inside && touch b",
            cancellationToken: Token
        );

        await Vm.Files.PullAsync("/tmp/links/", $"{_folder}/links/", new SyncOptions { Links = SymbolicLinks.Inside }, Token);

        Directory
            .GetFileSystemEntries($"{_folder}/links", "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath($"{_folder}/links", path))
            .Should()
            .BeEquivalentTo("a", "a/inside", "b");
    }

    private void Write(string path, string text)
    {
        string full = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }

    private sealed class Seen : IProgress<SyncProgress>
    {
        public SyncProgress? Last { get; private set; }

        public void Report(SyncProgress value) => Last = value;
    }
}
