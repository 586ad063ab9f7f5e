using FluentAssertions;
using TestHarness.Hosts;
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

    [Fact]
    public void A_layer_goes_before_what_it_lies_on()
    {
        string[] layers =
        [
            Make("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa"),
            Make("bbbbbbbbbbbbbbbb", "bbbbbbbbbbbbbbbb", below: "aaaaaaaaaaaaaaaa"),
            Make("cccccccccccccccc", "cccccccccccccccc", below: "bbbbbbbbbbbbbbbb"),
        ];
        File.SetLastWriteTimeUtc(Path.Combine(layers[2], "in-use"), DateTime.UtcNow);

        TemplateEviction.Run(Path.Combine(_root, "templates"), keep: "");

        layers.Should().OnlyContain(folder => Directory.Exists(folder), "the last one is used, whatever its layers' own last use");
        using (FileLock.TryTakeShared(Path.Combine(layers[2], "in-use")))
            TemplateEviction.TryRemoveAbove(layers[0]).Should().BeFalse("a machine runs on the last one");
        File.SetLastWriteTimeUtc(Path.Combine(layers[2], "in-use"), DateTime.UtcNow - TimeSpan.FromDays(15));
        TemplateEviction.Run(Path.Combine(_root, "templates"), keep: "");
        layers.Should().NotContain(folder => Directory.Exists(folder));
    }

    [Fact]
    public void Where_room_is_needed_the_memory_of_a_middle_layer_goes_first_and_alone()
    {
        string[] layers =
        [
            Make("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa"),
            Make("bbbbbbbbbbbbbbbb", "bbbbbbbbbbbbbbbb", below: "aaaaaaaaaaaaaaaa"),
        ];
        foreach (string layer in layers)
        {
            File.SetLastWriteTimeUtc(Path.Combine(layer, "in-use"), DateTime.UtcNow);
            File.WriteAllBytes(Path.Combine(layer, "memory"), new byte[700 * 1024]);
        }

        TemplateEviction.Run(Path.Combine(_root, "templates"), keep: layers[1], room: 1024 * 1024);

        File.Exists(Path.Combine(layers[0], "memory")).Should().BeFalse();
        File.Exists(Path.Combine(layers[0], "template.json")).Should().BeTrue("the other one's disk lies on its");
        File.Exists(Path.Combine(layers[1], "memory")).Should().BeTrue();
    }

    private string Make(string name, string? key, string? also = null, string? below = null)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_root, "templates", name)).FullName;
        Fill(folder, key, below);
        if (also is not null)
            File.WriteAllText(Path.Combine(folder, also), "");
        return folder;
    }

    // Unused for longer than templates are kept.
    private static void Fill(string folder, string? key, string? below = null)
    {
        string layer = below is null ? "null" : $$"""{"Below":{"Key":"{{below}}","StateHash":""},"Step":"run true","Packages":[]}""";
        File.WriteAllText(
            Path.Combine(folder, "template.json"),
            key is null
                ? "{}"
                : $$"""{"Key":"{{key}}","MemoryBytes":1,"MemoryTime":"2026-01-01T00:00:00Z","StateHash":"","DiskBytes":{ },"Layer":{{layer}} }"""
        );
        string used = Path.Combine(folder, "in-use");
        File.WriteAllText(used, "");
        File.SetLastWriteTimeUtc(used, DateTime.UtcNow - TimeSpan.FromDays(15));
    }
}
