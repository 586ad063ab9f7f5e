using System.Diagnostics;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Files;

/// <summary>Transfers by rsync that end in the middle, are very large, or come from an rsync that means harm.</summary>
[Fault(
    "The rsync, tar or machine of a transfer is killed. Its disk is full. It is cancelled. Its receiver of progress " + "throws.",
    "One exception of its kind comes soon. Nothing goes on in the guest.",
    "GuestFileSyncTests"
)]
[Fault(
    "Other tests start programs while a transfer begins. These hold for a moment what the transfer has just written.",
    "It is copied as usual."
)]
public sealed class GuestFileTroubleTests(Tiny tiny) : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-trouble-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Ends_with_what_the_receiver_of_progress_throws(bool byTar)
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        if (byTar)
            await vm.Shell.RunAsync("rm \"$(command -v rsync)\"", cancellationToken: Token);
        await File.WriteAllBytesAsync($"{_folder}/file", new byte[20_000_000], Token);
        await vm.Shell.RunAsync("head -c 20000000 /dev/zero > /dev/shm/file", cancellationToken: Token);

        foreach (
            Exception thrown in (Exception[])
                [new InvalidOperationException("mine"), new IOException("mine"), new OperationCanceledException("mine")]
        )
        {
            var options = new SyncOptions { Progress = new Thrower(thrown) };
            (
                await vm
                    .Files.PushAsync($"{_folder}/file", "/dev/shm/pushed", options, Token)
                    .WaitAsync(Soon, Token)
                    .Awaiting(task => task)
                    .Should()
                    .ThrowAsync<Exception>()
            )
                .Which.Should()
                .BeSameAs(thrown);
            (
                await vm
                    .Files.PullAsync("/dev/shm/file", $"{_folder}/pulled", options, Token)
                    .WaitAsync(Soon, Token)
                    .Awaiting(task => task)
                    .Should()
                    .ThrowAsync<Exception>()
            )
                .Which.Should()
                .BeSameAs(thrown);
        }

        (await vm.Files.PushAsync($"{_folder}/file", "/dev/shm/again", cancellationToken: Token)).Bytes.Should().Be(20_000_000);
    }

    // A program that another thread starts has, for a moment, a copy of the descriptor that a file is just written through; Linux starts no
    // such file.
    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Copies_though_what_it_wrote_for_rsync_is_still_open_elsewhere()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await File.WriteAllTextAsync($"{_folder}/file", "content", Token);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(Soon);
        Task<FileStream> hold = Task.Run(() => HoldOpen(vm.OwnFolder, "remote-shell", limit.Token), Token);

        Task push = vm.Files.PushAsync($"{_folder}/", "/srv/x/", cancellationToken: Token);
        await using FileStream held = await hold;
        await push;

        (await vm.Files.ReadTextAsync("/srv/x/file", cancellationToken: Token)).Should().Be("content");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Carries_sizes_beyond_4_GiB_with_their_holes_and_names_of_all_lengths()
    {
        await using (FileStream file = File.Create($"{_folder}/holes"))
        {
            file.Seek(4_300_000_000, SeekOrigin.Begin);
            file.Write("end"u8);
        }

        string deep = string.Join('/', Enumerable.Repeat(new string('d', 250), 8));
        Directory.CreateDirectory($"{_folder}/{deep}");
        File.WriteAllText($"{_folder}/{deep}/{new string('n', 255)}", "deep");
        File.WriteAllText($"{_folder}/-rf", "dash");
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        await vm.Files.PushAsync($"{_folder}/", "/srv/x/", new SyncOptions { Sparse = true }, Token);
        await vm.Shell.RunAsync(
            "cd /srv/x && ln ./-rf hard && [ $(stat -c %s holes) = 4300000003 ] && [ $(du -k holes | cut -f1) -lt 1000 ] && [ "
                + "\"$(tail -c 3 holes)\" = end ]",
            cancellationToken: Token
        );
        SyncResult pulled = await vm.Files.PullAsync("/srv/x/", $"{_folder}/back/", new SyncOptions { Sparse = true }, Token);

        pulled.Bytes.Should().BeGreaterThan(4_300_000_000);
        new FileInfo($"{_folder}/back/holes").Length.Should().Be(4_300_000_003);
        File.ReadAllText($"{_folder}/back/{deep}/{new string('n', 255)}").Should().Be("deep");
        File.ReadAllText($"{_folder}/back/-rf")
            .Should()
            .Be("dash")
            .And.Be(File.ReadAllText($"{_folder}/back/hard"), "a hard link becomes a file of its own");
        await HostAsync("[ $(du -k back/holes | cut -f1) -lt 1000 ]; [ $(stat -c %h ./back/-rf) = 1 ]");
    }

    [Fact]
    public async Task Fails_soon_when_the_guests_rsync_or_the_machine_is_killed()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Shell.RunAsync("truncate -s 9000000000 /srv/big", cancellationToken: Token);

        Task pull = vm.Files.PullAsync("/srv/big", $"{_folder}/big", cancellationToken: Token);
        await WritesAsync(pull);
        await vm.Shell.RunAsync("kill -9 $(pidof rsync)", cancellationToken: Token);
        (await pull.Awaiting(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<GuestCommandException>()).WithMessage(
            "*Command: rsync *"
        );
        File.Exists($"{_folder}/big").Should().BeFalse();

        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(Token);
        pull = vm.Files.PullAsync("/srv/big", $"{_folder}/big", cancellationToken: cancelled.Token);
        await WritesAsync(pull);
        await cancelled.CancelAsync();
        await pull.Awaiting(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<OperationCanceledException>();
        await vm.Shell.RunAsync("! pidof rsync", cancellationToken: Token);

        pull = vm.Files.PullAsync("/srv/big", $"{_folder}/big", cancellationToken: Token);
        await WritesAsync(pull);
        await vm.KillAsync();
        await pull.Awaiting(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<MachineExitedException>();
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task Lets_go_when_it_is_cancelled_though_QEMU_stands_still(bool isPush, bool byTar)
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Shell.RunAsync(
            $"truncate -s 1000000000 /srv/big; {(byTar ? "rm \"$(command -v rsync)\"" : "")}",
            cancellationToken: Token
        );
        await HostAsync("truncate -s 1000000000 big");
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var progress = new FirstProgress();
        var options = new SyncOptions { Progress = progress };

        Task transfer = isPush
            ? vm.Files.PushAsync($"{_folder}/big", "/srv/pushed", options, cancelled.Token)
            : vm.Files.PullAsync("/srv/big", $"{_folder}/pulled", options, cancelled.Token);
        await await Task.WhenAny(progress.Seen, transfer).WaitAsync(TimeSpan.FromMinutes(1), Token);
        Signal.Send("STOP", vm);
        long asked = Stopwatch.GetTimestamp();
        await cancelled.CancelAsync();

        await transfer.Awaiting(task => task.WaitAsync(Soon, Token)).Should().ThrowAsync<OperationCanceledException>();
        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(2));
        File.Exists($"{_folder}/pulled").Should().BeFalse();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Ends_an_rsync_of_the_guest_that_says_too_much()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Shell.RunAsync(
            "rm \"$(command -v rsync)\"; printf '#!/bin/sh\\nyes flood >&2\\n' > /usr/bin/rsync && chmod 755 /usr/bin/rsync",
            cancellationToken: Token
        );

        (
            await vm
                .Files.Invoking(files => files.PullAsync("/etc", $"{_folder}/", cancellationToken: Token))
                .Should()
                .ThrowAsync<GuestCommandException>()
        ).WithMessage("*the guest sent more than 16777216 bytes of messages*");

        await vm.Shell.RunAsync("! pidof yes", cancellationToken: Token);
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("--relative")]
    [InlineData("--devices")]
    [InlineData("--copy-links")]
    public async Task Takes_nothing_that_was_not_asked_for_from_an_rsync_that_means_harm(string added)
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Shell.RunAsync(
            "mkdir -p /srv/asked && cd /srv/asked && echo x > file && mknod device c 1 3 && mv /usr/bin/rsync /usr/bin/real && "
                + $"printf '#!/bin/sh\\nexec real --server --sender {added} \"$@\"\\n' > /usr/bin/rsync && chmod 755 /usr/bin/rsync",
            cancellationToken: Token
        );

        try
        {
            await vm.Files.PullAsync("/srv/asked", $"{_folder}/target/", new SyncOptions { Timeout = Soon }, Token);
        }
        catch (Exception e) when (e is GuestCommandException or WaitTimeoutException)
        {
            // To fail, or to wait for what never comes, is one way to take nothing.
        }

        Directory.GetFileSystemEntries(_folder).Should().Equal($"{_folder}/target");
        Directory
            .GetFileSystemEntries($"{_folder}/target", "*", SearchOption.AllDirectories)
            .Should()
            .BeSubsetOf([$"{_folder}/target/asked", $"{_folder}/target/asked/file"]);
    }

    private static FileStream HoldOpen(string folder, string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                if (Directory.EnumerateFiles(folder, name, SearchOption.AllDirectories).FirstOrDefault() is { } path)
                    return new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            }
            catch (IOException)
            {
                // It is being written, or a file of the machine is gone already.
            }

            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Waits until the pull has begun to write, or throws what ended it before.</summary>
    private async Task WritesAsync(Task pull) =>
        await await Task.WhenAny(HostAsync("until ls .big.* 2> /dev/null; do sleep 0.01; done"), pull);

    private async Task HostAsync(string script)
    {
        using Process shell = Process.Start(
            new ProcessStartInfo("timeout", ["30", "sh", "-ec", script]) { WorkingDirectory = _folder, RedirectStandardOutput = true }
        )!;
        await shell.WaitForExitAsync(Token);
        shell.ExitCode.Should().Be(0, script);
    }

    private sealed class FirstProgress : IProgress<SyncProgress>
    {
        private readonly TaskCompletionSource _seen = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Seen => _seen.Task;

        public void Report(SyncProgress value) => _seen.TrySetResult();
    }

    private sealed class Thrower(Exception thrown) : IProgress<SyncProgress>
    {
        public void Report(SyncProgress value) => throw thrown;
    }
}
