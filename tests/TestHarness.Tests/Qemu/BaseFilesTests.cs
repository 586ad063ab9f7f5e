using FluentAssertions;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class BaseFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("base-files").FullName;

    private string Disk => Path.Combine(_folder, "disk.raw");

    private string Memory => Path.Combine(_folder, "memory");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("disk.raw")]
    [InlineData("memory")]
    public void Says_which_file_was_cut(string name)
    {
        using BaseFiles files = Make();
        using (FileStream cut = new(Path.Combine(_folder, name), FileMode.Open))
            cut.SetLength(1000);

        files
            .FindCut()
            .Should()
            .Be($"host disk failed: '{Path.Combine(_folder, name)}', which the machine runs on, was cut from 4096 to 1000 bytes meanwhile");
    }

    [Fact]
    public void Says_nothing_of_what_does_no_harm()
    {
        using BaseFiles files = Make();
        files.FindCut().Should().BeNull();
        File.AppendAllText(Disk, "more");
        File.Delete(Memory);
        File.WriteAllText(Memory, "another file");

        files.FindCut().Should().BeNull();
        files.ToString().Should().Be($"'{Disk}', '{Memory}'");
    }

    [Fact]
    public void Is_quiet_after_its_end_and_where_a_file_is_missing()
    {
        BaseFiles files = Make();
        File.Delete(Disk);
        using BaseFiles others = BaseFiles.Of(Boot());
        files.Dispose();
        using (FileStream cut = new(Memory, FileMode.Open))
            cut.SetLength(0);

        files.FindCut().Should().BeNull();
        others.FindCut().Should().Contain(Memory);
    }

    private BaseFiles Make()
    {
        File.WriteAllBytes(Disk, new byte[4096]);
        File.WriteAllBytes(Memory, new byte[4096]);
        return BaseFiles.Of(Boot());
    }

    private BootFiles Boot() =>
        new()
        {
            BackingDisks = [Disk],
            Kernel = null,
            Initrd = null,
            KernelArguments = "",
            Memory = new MemoryFile(Memory, Shared: false),
        };
}
