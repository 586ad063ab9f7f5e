using System.Security.Cryptography;
using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>What is kept of the disks that were fetched, for whom, and for how long.</summary>
public sealed class FetchedImagesTests : FetchTests
{
    [Fact]
    public async Task Fetches_checks_and_keeps_a_disk()
    {
        await using var server = new FileServer(request => FileServer.Serve(Content, request));

        string file = await GetAsync(server.Address());
        string again = await GetAsync(server.Address("/elsewhere"), Sum.ToUpperInvariant());

        (file, again).Should().Be((Stored, Stored));
        (await File.ReadAllBytesAsync(file, Token)).Should().Equal(Content);
        Convert.ToString((int)File.GetUnixFileMode(file), 8).Should().Be("444");
        FilesButLocks().Should().Equal(Stored);
        server.Requests.Should().HaveCount(1, "what is there is not fetched again");
        Progress
            .All.Should()
            .Contain(step => step.Fraction == 1)
            .And.Contain(step => step.Detail == "0.0 of 0.3 MiB" && step.Fraction == 0);
    }

    [Fact]
    public async Task Stores_no_zeros()
    {
        byte[] hollow = new byte[8 * 1024 * 1024];
        hollow[^(1024 * 1024)] = 1;
        await using var server = new FileServer(request => FileServer.Serve(hollow, request));

        string file = await GetAsync(server.Address(), Convert.ToHexString(SHA256.HashData(hollow)));

        new FileInfo(file).Length.Should().Be(hollow.Length);
        Native.AllocatedBytes(file).Should().BeLessThan(4 * 1024 * 1024);
    }

    [Fact]
    public async Task Fetches_once_when_many_ask()
    {
        await using var server = new FileServer(request => FileServer.Serve(Content, request));

        string[] files = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => GetAsync(server.Address()))));

        files.Should().OnlyContain(file => file == Stored);
        server.Requests.Should().HaveCount(1);
    }

    [Fact]
    public async Task Waits_for_another_process_that_fetches_the_same_and_says_so()
    {
        await using var server = new FileServer(request => FileServer.Serve(Content, request));
        Directory.CreateDirectory(Path.GetDirectoryName(Stored)!);
        FileLock theirs = FileLock.TryTake($"{Stored}.lock")!;
        var waits = new TaskCompletionSource();
        Progress.Told += step =>
        {
            if (step.Step.EndsWith(", which fetches it", StringComparison.Ordinal))
                waits.TrySetResult();
        };

        Task<string> get = GetAsync(server.Address());
        await waits.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);
        await File.WriteAllBytesAsync(Stored, Content, Token);
        theirs.Dispose();

        (await get).Should().Be(Stored);
        server.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task Removes_what_nobody_came_back_for()
    {
        await using var server = new FileServer(request => FileServer.Serve(Content, request));
        string folder = Directory.CreateDirectory(Path.GetDirectoryName(Stored)!).FullName;
        string Part(char digit) => Path.Combine(folder, $"{new string(digit, 64)}.part");
        string abandoned = Part('a'),
            recent = Part('b'),
            held = Part('c'),
            mine = Path.Combine(folder, "mine.part");
        foreach (string part in (string[])[abandoned, recent, held, mine])
            await File.WriteAllTextAsync(part, "", Token);
        File.SetLastWriteTimeUtc(mine, DateTime.UtcNow - TimeSpan.FromDays(15));
        File.SetLastWriteTimeUtc(abandoned, DateTime.UtcNow - TimeSpan.FromDays(15));
        File.SetLastWriteTimeUtc(held, DateTime.UtcNow - TimeSpan.FromDays(15));
        using FileLock? theirs = FileLock.TryTake(Path.ChangeExtension(held, ".lock"));

        await GetAsync(server.Address());

        FilesButLocks().Should().BeEquivalentTo(held, recent, mine, Stored);
    }

    [Fact]
    public async Task Copies_a_file_of_this_host_and_refuses_what_is_none()
    {
        string source = Path.Combine(Root, "a disk ä%20.raw");
        await File.WriteAllBytesAsync(source, Content, Token);
        string address = $"file://{string.Join('/', source.Split('/').Select(Uri.EscapeDataString))}";

        string file = await GetAsync(address);
        File.Delete(file);
        Func<Task> device = () => GetAsync("file:///dev/zero"),
            none = () => GetAsync($"{address}x");

        (await device.Should().ThrowAsync<ImageException>()).WithMessage(
            "*the file can't be used.\nFile: /dev/zero\nReason: it is a character device, not a file"
        );
        (await none.Should().ThrowAsync<ImageException>()).WithMessage("*the file can't be used.*there is no such file");
        FilesButLocks().Should().Equal(source);
    }
}
