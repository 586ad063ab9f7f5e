using FluentAssertions;
using TestHarness.Templates;
using Xunit;

namespace TestHarness.Tests.Templates;

public sealed class TemplateEvictionTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("templates-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Removes_old_templates_and_no_folder_that_is_somebody_elses()
    {
        string old = Make("0123456789abcdef", "0123456789abcdef");
        string[] kept =
        [
            Make("letter", "letter"),
            Make("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"),
            Make("cccccccccccccccc", null),
            Make("dddddddddddddddd", "dddddddddddddddd", "notes.txt"),
            Make("0123456789abcdef.old", "0123456789abcdef.old"),
        ];
        string elsewhere = Directory.CreateDirectory(Path.Combine(_root, "elsewhere/eeeeeeeeeeeeeeee")).FullName;
        Fill(elsewhere, "eeeeeeeeeeeeeeee");
        string link = Path.Combine(_root, "templates/eeeeeeeeeeeeeeee");
        File.CreateSymbolicLink(link, elsewhere);

        TemplateEviction.Run(Path.Combine(_root, "templates"), keep: "");

        Directory.GetDirectories(Path.Combine(_root, "templates")).Should().BeEquivalentTo([.. kept, link]);
        Directory.Exists(old).Should().BeFalse("nobody has used it for longer than templates are kept");
        File.Exists(Path.Combine(elsewhere, "template.json")).Should().BeTrue();
    }

    private string Make(string name, string? key, string? also = null)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_root, "templates", name)).FullName;
        Fill(folder, key);
        if (also is not null)
            File.WriteAllText(Path.Combine(folder, also), "");
        return folder;
    }

    // Unused for longer than templates are kept.
    private static void Fill(string folder, string? key)
    {
        File.WriteAllText(
            Path.Combine(folder, "template.json"),
            key is null
                ? "{}"
                : $$"""{"Key":"{{key}}","MemoryBytes":1,"MemoryTime":"2026-01-01T00:00:00Z","StateHash":"","DiskBytes":{ } }"""
        );
        string used = Path.Combine(folder, "in-use");
        File.WriteAllText(used, "");
        File.SetLastWriteTimeUtc(used, DateTime.UtcNow - TimeSpan.FromDays(15));
    }
}
