using System.Text;
using System.Text.Json;
using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

public sealed class RecipeParserTests
{
    private const string Smallest = """
        "distribution": "debian", "suite": "bookworm", "architecture": "amd64", "variant": "extract",
        "kernel": { "package": "linux-image-amd64" }, "disk": { "sizeMiB": 64 }
        """;

    [Fact]
    public void Reads_comments_and_trailing_commas()
    {
        Recipe recipe = Parse(
            $$"""
            // A comment.
            { {{Smallest}}, "packages": ["rsync",], /* another */ "files": [{ "path": "/etc/motd", "content": "", }], }
            """
        );

        recipe.Packages.Should().Equal("rsync");
        recipe.Files.Should().Equal(new RecipeFile { Path = "/etc/motd", Content = "" });
        recipe.Variant.Should().Be(RecipeVariant.Extract);
    }

    [Fact]
    public void Reads_that_the_image_has_no_agent() => Parse($$"""{ {{Smallest}}, "agent": false }""").Agent.Should().BeFalse();

    [Fact]
    public void Reads_the_steps_of_a_set_up_with_paths_that_begin_at_the_recipe()
    {
        Recipe recipe = Parse(
            $$"""{ {{Smallest}}, "setup": [{ "run": "true", "user": "nobody" }, { "push": "build/", "guestPath": "/opt/", }] } // And a comment."""
        );

        recipe
            .Setup.Should()
            .BeEquivalentTo<SetupStep>(
                [SetupStep.Run("true") with { User = "nobody" }, SetupStep.Push("/recipe/build/", "/opt/")],
                options => options.RespectingRuntimeTypes()
            );
    }

    [Fact]
    public void Leaves_what_is_not_given_at_its_default()
    {
        Recipe recipe = Parse($"{{ {Smallest} }}");

        recipe
            .Should()
            .BeEquivalentTo(
                new Recipe
                {
                    Distribution = "debian",
                    Suite = "bookworm",
                    Architecture = "amd64",
                    Variant = RecipeVariant.Extract,
                    Kernel = new RecipeKernel { Package = "linux-image-amd64" },
                    Disk = new RecipeDisk { SizeMiB = 64 },
                }
            );
    }

    [Theory]
    [InlineData("""{ "comands": [] }""", "$.comands: is not a member here; known are *commands*")]
    [InlineData("""{ "minimumMemoryMiB": 1 }""", "$.minimumMemoryMiB: 1 is not a whole number from 16 to 1048576")]
    [InlineData("""{ "packages": "rsync" }""", """$.packages: "rsync" is not a list of texts""")]
    [InlineData("""{ "packages": ["rsync", 7] }""", "$.packages[1]: 7 is not a text")]
    [InlineData("""{ "packages": ["two words"] }""", """$.packages[0]: "two words" is not a package's name""")]
    [InlineData("""{ "packages": ["--option"] }""", """$.packages[0]: "--option" is not a package's name""")]
    [InlineData("""{ "suite": "" }""", "$.suite: is missing")]
    [InlineData("""{ "suite": ["bookworm"] }""", """$.suite: ["bookworm"] is not a text""")]
    [InlineData("""{ "variant": "big" }""", """$.variant: "big" is not "extract" or "minbase"*""")]
    [InlineData("""{ "architecture": "z80" }""", """$.architecture: "z80" is not "amd64"*""")]
    [InlineData("""{ "kernel": {} }""", "$.kernel.package: is missing")]
    [InlineData(
        """{ "kernel": { "package": "linux", "modules": ["ext4.ko"] } }""",
        """$.kernel.modules[0]: "ext4.ko" is not a module's name*"""
    )]
    [InlineData("""{ "disk": { "sizeMiB": 1.5 } }""", "$.disk.sizeMiB: 1.5 is not a whole number from 16 to 1048576")]
    [InlineData("""{ "disk": {} }""", "$.disk.sizeMiB: is missing")]
    [InlineData("""{ "disk": { "sizeMiB": 64, "compressed": "yes" } }""", """$.disk.compressed: "yes" is not true or false""")]
    [InlineData(
        """{ "files": [{ "path": "/a", "content": "", "mode": "rwx" }] }""",
        """$.files[0].mode: "rwx" is not an octal mode such as "0644"*"""
    )]
    [InlineData(
        """{ "files": [{ "path": "/a", "content": "", "owner": "root" }] }""",
        """$.files[0].owner: "root" is not an owner such as "root:shadow"*"""
    )]
    [InlineData(
        """{ "files": [{ "path": "/a/../../b", "content": "" }] }""",
        """$.files[0].path: "/a/../../b" is not a path in the guest*"""
    )]
    [InlineData("""{ "files": [{ "path": "etc/motd", "content": "" }] }""", """$.files[0].path: "etc/motd" is not a path in the guest*""")]
    [InlineData(
        """{ "files": [{ "path": "/a", "source": "../../etc/shadow" }] }""",
        """$.files[0].source: "../../etc/shadow" is not a path below the recipe's folder"""
    )]
    [InlineData(
        """{ "files": [{ "path": "/a", "source": "/etc/shadow" }] }""",
        """$.files[0].source: "/etc/shadow" is not a path below the recipe's folder"""
    )]
    [InlineData("""{ "files": [{ "path": "/a" }] }""", "$.files[0].content: exactly one of content and source is needed")]
    [InlineData(
        """{ "files": [{ "path": "/a", "content": "", "source": "b" }] }""",
        "$.files[0].content: exactly one of content and source is needed"
    )]
    [InlineData("""{ "links": [{ "path": "/a" }] }""", "$.links[0].target: is missing")]
    [InlineData(
        """{ "links": [{ "path": "/a", "target": "b", "mode": "0644" }] }""",
        "$.links[0].mode: is not a member here; known are path, target"
    )]
    [InlineData("""{ "keep": ["bin/sh"] }""", """$.keep[0]: "bin/sh" is not a path in the guest*""")]
    [InlineData("""{ "setup": [{ "run": "" }, { "rum": "a" }] }""", "line 1, $.setup[1]: says not which step it is; known are *")]
    [InlineData("""{ "setup": "all" }""", """line 1, $.setup: "all" is not a list""")]
    [InlineData("[]", "$: is not an object")]
    public void Names_the_path_of_a_mistake(string json, string mistake) => Mistakes(json).Should().ContainMatch(mistake);

    [Fact]
    public void Lists_all_mistakes_in_one_error()
    {
        Action parse = () =>
            Parse(
                $$"""{ {{Smallest.Replace("bookworm", "book worm", StringComparison.Ordinal)}}, "files": [{}, 7], "ready": 1, "x": 1 }"""
            );

        parse
            .Should()
            .Throw<ImageException>()
            .Which.Message.Should()
            .Be(
                """
                Image 'mine': the recipe has 6 mistake(s).
                Recipe: mine/recipe.json
                Mistakes:
                  $.suite: "book worm" is not a suite such as "bookworm"
                  $.files[0].path: is missing
                  $.files[0].content: exactly one of content and source is needed
                  $.files[1]: 7 is not an object
                  $.ready: 1 is not a text
                  $.x: is not a member here; known are agent, architecture, commands, description, disk, distribution, files, keep, kernel, links, minimumMemoryMiB, packages, ready, setup, suite, variant
                Try: see images/recipe.schema.json for the members and their meaning.
                """
            );
    }

    [Theory]
    [InlineData("{\n\"suite\": \"a\"\n\"variant\": 1 }", "mine/recipe.json, line 3: *")]
    [InlineData("{ \"suite\": \"a\", \"suite\": \"b\" }", "*suite*")]
    [InlineData("", "mine/recipe.json, line 1: *")]
    public void Names_the_line_of_a_syntax_error(string json, string mistake)
    {
        Action parse = () => Parse(json);

        parse.Should().Throw<ImageException>().WithMessage($"Image 'mine': the recipe is not valid JSON.\nMistake: {mistake}");
    }

    [Fact]
    public void Knows_the_members_that_the_schema_has()
    {
        using JsonDocument schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(RepositoryFolder(), "images/recipe.schema.json")));
        string members = string.Join(
            ", ",
            schema
                .RootElement.GetProperty("properties")
                .EnumerateObject()
                .Select(property => property.Name)
                .Where(name => name != "$schema")
                .Order(StringComparer.Ordinal)
        );

        Mistakes("""{ "x": 1 }""").Should().Contain($"$.x: is not a member here; known are {members}");
    }

    private static Recipe Parse(string json) =>
        RecipeParser.Parse("mine", "mine/recipe.json", Encoding.UTF8.GetBytes(json), path => $"/recipe/{path}");

    private static string[] Mistakes(string json)
    {
        Action parse = () => Parse(json);
        string message = parse.Should().Throw<ImageException>().Which.Message;
        return [.. message.Split('\n').Select(line => line.Replace("Mistakes: ", "", StringComparison.Ordinal).Trim())];
    }

    private static string RepositoryFolder()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "TestHarness.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests run outside the repository.");
        return folder;
    }
}
