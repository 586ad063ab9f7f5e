using System.Diagnostics;
using System.Security.Cryptography;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Files;

public sealed class GuestFilesTests(Tiny tiny) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-files-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private VirtualMachine Vm => tiny.Machine;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Keeps_rsyncs_rule_of_the_trailing_slash()
    {
        Write("tree/a.txt", "a");
        Write("tree/sub/b.txt", "b");

        await Vm.Files.PushAsync($"{_folder}/tree/", "/tmp/slash/contents/", cancellationToken: Token);
        await Vm.Files.PushAsync($"{_folder}/tree", "/tmp/slash/folder/", cancellationToken: Token);

        (await Vm.Shell.RunAsync("cd /tmp/slash && find . -type f | sort", cancellationToken: Token))
            .Should()
            .HaveOutput("./contents/a.txt\n./contents/sub/b.txt\n./folder/tree/a.txt\n./folder/tree/sub/b.txt");
    }

    // /root is a disk, where a large file goes past the page cache; /dev/shm is memory, where nothing can. A size that no block of a disk
    // divides.
    [Theory]
    [InlineData("tiny", "/root")]
    [InlineData("tiny", "/dev/shm")]
    [InlineData("debian-12", "/root")]
    [InlineData("debian-12", "/dev/shm")]
    public async Task Pushes_a_large_file_whole_with_its_mode_and_time_and_says_when_there_is_no_room(string image, string folder)
    {
        byte[] random = RandomNumberGenerator.GetBytes(10_000_001);
        await File.WriteAllBytesAsync($"{_folder}/large", random, Token);
        File.SetUnixFileMode($"{_folder}/large", (UnixFileMode)0b111_101_001);
        File.SetLastWriteTimeUtc($"{_folder}/large", new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image }, cancellationToken: Token);

        await vm.Files.PushAsync($"{_folder}/large", $"{folder}/there", cancellationToken: Token);

        (
            await vm.Shell.RunAsync(
                $"cd {folder} && sha256sum < there && stat -c '%a %Y' there && ls -A | grep -c testharness || :",
                cancellationToken: Token
            )
        )
            .Should()
            .HaveOutput($"{Convert.ToHexStringLower(SHA256.HashData(random))}  -\n751 981173106\n0");
        await vm.Shell.RunAsync("mkdir /mnt/small && mount -t tmpfs -o size=5m none /mnt/small", cancellationToken: Token);
        await vm
            .Files.Invoking(files => files.PushAsync($"{_folder}/large", "/mnt/small/", cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*No space left on device*");
        (await vm.Shell.RunAsync("ls -A /mnt/small", cancellationToken: Token)).Should().HaveOutput("");
    }

    [Fact]
    public async Task Brings_files_back_as_they_are()
    {
        byte[] random = RandomNumberGenerator.GetBytes(3_000_000);
        Directory.CreateDirectory($"{_folder}/in");
        await File.WriteAllBytesAsync($"{_folder}/in/random, \"odd\" ä\n.bin", random, Token);
        File.CreateSymbolicLink($"{_folder}/in/link", "random");
        File.SetUnixFileMode(
            $"{_folder}/in/random, \"odd\" ä\n.bin",
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        );

        await Vm.Files.PushAsync($"{_folder}/in/", "/tmp/round trip/", cancellationToken: Token);
        await Vm.Files.PullAsync("/tmp/round trip/", $"{_folder}/new/out/", cancellationToken: Token);

        string back = $"{_folder}/new/out/random, \"odd\" ä\n.bin";
        (await File.ReadAllBytesAsync(back, Token)).AsSpan().SequenceEqual(random).Should().BeTrue();
        File.GetUnixFileMode(back).Should().HaveFlag(UnixFileMode.UserExecute);
        new FileInfo($"{_folder}/new/out/link").LinkTarget.Should().Be("random");
        (await Vm.Shell.RunAsync("stat -c %u '/tmp/round trip/'*", cancellationToken: Token))
            .StandardOutput.Split()
            .Where(owner => owner != "")
            .Should()
            .OnlyContain(owner => owner == "0", "what is pushed belongs to root in the guest, whoever owns it here");
    }

    [Fact]
    public async Task Serves_20_commands_after_rsync_was_killed_half_way()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        Directory.CreateDirectory($"{_folder}/big");
        await using (FileStream big = File.Create($"{_folder}/big/file"))
            big.SetLength(2_000_000_000);

        Task push = vm.Files.PushAsync($"{_folder}/big/", "/dev/shm/big/", cancellationToken: Token);
        await vm.Shell.RunAsync("until ls -A /dev/shm/big 2>/dev/null | grep -q .; do usleep 10000; done", cancellationToken: Token);
        using (Process killed = Process.Start("pkill", ["-9", "-f", $"^[^ ]*rsync .*{_folder}/big/"]))
            await killed.WaitForExitAsync(Token);

        await push.Invoking(task => task).Should().ThrowAsync<GuestCommandException>();
        for (int i = 0; i < 20; i++)
            (await vm.Shell.RunAsync($"echo {i}", cancellationToken: Token)).Should().HaveOutput($"{i}");
    }

    private void Write(string path, string text)
    {
        string full = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }
}
