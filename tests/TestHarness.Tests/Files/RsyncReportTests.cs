using FluentAssertions;
using TestHarness.Files;
using Xunit;

namespace TestHarness.Tests.Files;

public sealed class RsyncReportTests
{
    [Theory]
    [InlineData("<f+++++++++ 12 a b", SyncChangeKind.Created, "a b")]
    [InlineData("cd+++++++++ 4096 sub/", SyncChangeKind.Created, "sub/")]
    [InlineData("cL+++++++++ 4 link", SyncChangeKind.Created, "link")]
    [InlineData(">f.st...... 12 sub/changed", SyncChangeKind.Updated, "sub/changed")]
    [InlineData(".d..t...... 4096 ./", SyncChangeKind.AttributesSet, "./")]
    [InlineData("*deleting   0 old", SyncChangeKind.Deleted, "old")]
    [InlineData("<f+++++++++ 12 a\\#012b", SyncChangeKind.Created, "a\nb")]
    [InlineData("<f+++++++++ 12 \\#303\\#244 ä", SyncChangeKind.Created, "ä ä")]
    [InlineData("<f+++++++++ 12 bad\\#377name", SyncChangeKind.Created, "bad\ufffdname")]
    [InlineData("<f+++++++++ 12 \\#134#012", SyncChangeKind.Created, "\\#012")]
    public void Reads_a_change(string line, SyncChangeKind kind, string path)
    {
        var report = new RsyncReport(progress: null);

        report.Add(line);

        report.ToResult(unknownBefore: false).Changes.Should().Equal(new SyncChange(kind, path));
    }

    [Theory]
    [InlineData("skipping non-regular file \"pipe\"")]
    [InlineData("")]
    [InlineData("<f+++++++++ 99999999999999999999999999 too large")]
    public void Ignores_what_is_something_else(string line)
    {
        var report = new RsyncReport(progress: null);

        report.Add(line);

        report.ToResult(unknownBefore: false).Changes.Should().BeEmpty();
    }

    [Fact]
    public void Counts_the_bytes_of_files_that_are_copied()
    {
        var report = new RsyncReport(progress: null);

        foreach (string line in (string[])["<f+++++++++ 12 a", "cd+++++++++ 4096 b/", ".f...p..... 700 c", ">f.st...... 30 d"])
            report.Add(line);

        report.ToResult(unknownBefore: false).Bytes.Should().Be(42);
    }
}
