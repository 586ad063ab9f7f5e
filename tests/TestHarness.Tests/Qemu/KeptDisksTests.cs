using FluentAssertions;
using TestHarness.Images;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

/// <summary>A folder for a machine's disks that was named by mistake: refused, and left as it is.</summary>
public sealed class KeptDisksTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("disks-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("making/cake.txt")]
    [InlineData("notes.txt")]
    [InlineData("image")]
    [InlineData("lock")]
    public async Task A_folder_with_other_things_in_it_is_refused(string file)
    {
        string path = Path.Combine(_root, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, "mine", TestContext.Current.CancellationToken);
        UnixFileMode mode = File.GetUnixFileMode(_root);
        var image = new GuestImage
        {
            Name = "tiny",
            Folder = "/",
            Key = "",
            Architecture = "amd64",
            KernelArguments = "",
            HasAgent = null,
            DiskPath = "/disk.qcow2",
        };

        Func<Task> take = () => KeptDisks.TakeAsync(_root, image, extraDisks: 0, _root, _ => Task.CompletedTask);

        (await take.Should().ThrowAsync<HostNotReadyException>())
            .Which.Message.Should()
            .Contain($"'{_root}'")
            .And.Contain(path)
            .And.Contain("Try: name a folder that");
        Directory.GetFiles(_root, "*", SearchOption.AllDirectories).Should().Equal(path);
        (await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken), File.GetUnixFileMode(_root)).Should().Be(("mine", mode));
    }
}
