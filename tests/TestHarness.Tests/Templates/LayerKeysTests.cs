using FluentAssertions;
using TestHarness.Templates;
using Xunit;

namespace TestHarness.Tests.Templates;

public sealed class LayerKeysTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("layer-keys-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_step_has_its_key_from_all_before_it()
    {
        string[] keys = Keys(SetupStep.Run("a"), SetupStep.Run("b"), SetupStep.Run("a"));

        keys.Should().OnlyHaveUniqueItems().And.OnlyContain(key => TemplateFiles.IsKey(key));
        Keys(SetupStep.Run("a"), SetupStep.Run("c"), SetupStep.Run("a"))[0].Should().Be(keys[0]);
        Keys(SetupStep.Run("a"), SetupStep.Run("c"), SetupStep.Run("a"))[1..].Should().NotContain(keys);
        LayerKeys.Make("ffffffffffffffff", [SetupStep.Run("a")])[0].Should().NotBe(keys[0]);
    }

    [Fact]
    public void A_name_and_a_limit_make_no_other_layer() =>
        Keys(SetupStep.Run("a") with { Name = "says a", Timeout = TimeSpan.FromSeconds(1) }).Should().Equal(Keys(SetupStep.Run("a")));

    [Fact]
    public void A_pushed_folder_goes_by_names_modes_links_and_bytes()
    {
        string tree = Path.Combine(_root, "tree");
        Directory.CreateDirectory(Path.Combine(tree, "empty"));
        File.WriteAllText(Path.Combine(tree, "app"), "one");
        File.CreateSymbolicLink(Path.Combine(tree, "link"), "app");
        var seen = new HashSet<string> { Key() };

        File.SetLastWriteTimeUtc(Path.Combine(tree, "app"), DateTime.UnixEpoch);
        seen.Add(Key()).Should().BeFalse("a build sets the times anew");

        Action[] changes =
        [
            () => File.WriteAllText(Path.Combine(tree, "app"), "two"),
            () => File.SetUnixFileMode(Path.Combine(tree, "app"), UnixFileMode.UserRead | UnixFileMode.UserExecute),
            () => File.Move(Path.Combine(tree, "app"), Path.Combine(tree, "App")),
            () => Directory.Delete(Path.Combine(tree, "empty")),
            () => File.Delete(Path.Combine(tree, "link")),
            () => File.CreateSymbolicLink(Path.Combine(tree, "link"), "App"),
        ];
        foreach (Action change in changes)
        {
            change();
            seen.Add(Key()).Should().BeTrue();
        }

        string Key() => Keys(SetupStep.Push($"{tree}/", "/opt"))[0];
    }

    [Fact]
    public void Links_that_are_followed_count_by_what_they_lead_to_and_a_circle_has_an_end()
    {
        string tree = Path.Combine(_root, "followed");
        Directory.CreateDirectory(tree);
        string outside = Path.Combine(_root, "outside");
        File.WriteAllText(outside, "one");
        File.CreateSymbolicLink(Path.Combine(tree, "link"), outside);
        File.CreateSymbolicLink(Path.Combine(tree, "circle"), tree);
        string before = Key(SymbolicLinks.Follow),
            kept = Key(SymbolicLinks.Keep);

        File.WriteAllText(outside, "two");

        Key(SymbolicLinks.Follow).Should().NotBe(before);
        Key(SymbolicLinks.Keep).Should().Be(kept);

        string Key(SymbolicLinks links) => Keys(SetupStep.Push($"{tree}/", "/opt", new SyncOptions { Links = links }))[0];
    }

    [Fact]
    public void What_is_not_there_to_push_is_named_with_its_step() =>
        FluentActions
            .Invoking(() => Keys(SetupStep.Run("a"), SetupStep.Push("no/such/build/", "/opt")))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("Step 2 of the set-up (push no/such/build/ to /opt) has nothing to push:*relative path begins*");

    private static string[] Keys(params SetupStep[] steps) => [.. LayerKeys.Make("0123456789abcdef", steps)];
}
