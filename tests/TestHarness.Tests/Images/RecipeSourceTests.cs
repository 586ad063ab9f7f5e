using System.Text;
using FluentAssertions;
using TestHarness.Hosts;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

[Fault(
    "An image's path is a device, a pipe, a file or a loop of links. A recipe's file is a pipe or leads out of its " + "folder.",
    "`ImageException` comes at once. The whole chain of disks is named to QEMU.",
    "QemuArgumentsTests"
)]
public sealed class RecipeSourceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("recipe, \"ä ").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Brings_the_images_of_the_repository() => RecipeSource.EmbeddedNames.Should().Equal("debian-12", "debian-12-cloud", "tiny");

    [Theory]
    [InlineData("tiny")]
    [InlineData("debian-12")]
    [InlineData("debian-12-cloud")]
    public void Embeds_a_valid_recipe_with_all_files_beside_it(string image)
    {
        RecipeSource source = RecipeSource.Find(image);

        Recipe recipe = source.ReadRecipe();

        recipe.Description.Should().NotBeEmpty();
        foreach (string file in recipe.Files.Select(file => file.Source).OfType<string>())
            source.Read(file).Should().NotBeEmpty();
    }

    [Fact]
    public void Reads_a_recipe_from_a_folder()
    {
        File.WriteAllText(Path.Combine(_folder, "recipe.json"), "{}");
        File.WriteAllText(Path.Combine(_folder, "beside"), "text");

        RecipeSource source = RecipeSource.Find(_folder);

        source.File.Should().Be(Path.Combine(_folder, "recipe.json"));
        source.Name.Should().MatchRegex("^recipe____[A-Za-z0-9_.-]+$");
        Encoding.UTF8.GetString(source.Read("beside")).Should().Be("text");
    }

    [Fact]
    public void Refuses_a_link_out_of_the_folder()
    {
        File.WriteAllText(Path.Combine(_folder, "recipe.json"), "{}");
        File.CreateSymbolicLink(Path.Combine(_folder, "beside"), "/etc/hostname");

        Action read = () => RecipeSource.Find(_folder).Read("beside");

        read.Should().Throw<ImageException>().WithMessage("*'beside' cannot be read*it is a link out of the recipe's folder*");
    }

    [Fact]
    public void Says_that_a_path_is_no_folder_with_a_recipe()
    {
        string file = Path.Combine(_folder, "disk.qcow2"),
            loop = Path.Combine(_folder, "loop"),
            pipe = Path.Combine(_folder, "pipe");
        File.WriteAllBytes(file, [0x51, 0x46, 0x49, 0xfb]);
        File.CreateSymbolicLink(loop, loop);
        Native.MakePipe(pipe);

        foreach (string image in (string[])[file, "/dev/null", pipe, loop])
            FindFails(image)
                .Should()
                .StartWith(
                    $"There is no image '{image}': '{image}' is not a folder; a disk of your own has the ending .qcow2, .raw or .img"
                )
                .And.Contain("Try: ");
    }

    [Theory]
    [InlineData("recipe.json")]
    [InlineData("beside")]
    public async Task Does_not_wait_for_a_pipe_in_place_of_a_file(string name)
    {
        File.WriteAllText(Path.Combine(_folder, "recipe.json"), "{}");
        File.Delete(Path.Combine(_folder, name));
        Native.MakePipe(Path.Combine(_folder, name));

        Task read = Task.Run(() => RecipeSource.Find(_folder).Read(name), TestContext.Current.CancellationToken);

        await read.Invoking(task => task.WaitAsync(TimeSpan.FromSeconds(5)))
            .Should()
            .ThrowAsync<ImageException>()
            .WithMessage("*it is not an ordinary file*");
    }

    private static string FindFails(string image) => image.Invoking(RecipeSource.Find).Should().Throw<ImageException>().Which.Message;

    [Fact]
    public void Names_a_file_that_is_not_there()
    {
        File.WriteAllText(Path.Combine(_folder, "recipe.json"), "{}");

        Action read = () => RecipeSource.Find(_folder).Read("beside");

        read.Should().Throw<ImageException>().WithMessage("*the recipe's file 'beside' cannot be read*there is no such file");
    }

    [Fact]
    public void Lists_the_images_when_one_is_unknown()
    {
        Action find = () => RecipeSource.Find("tinny");

        find.Should()
            .Throw<ImageException>()
            .Which.Message.Should()
            .Be(
                """
                There is no image 'tinny': the library has no recipe of this name.
                Images of the library: debian-12, debian-12-cloud, tiny
                Try: one of these, or the path of a folder of your own with a recipe.json, written with a '/', such as "./tinny".
                """
            );
    }

    [Fact]
    public void Says_that_a_folder_has_no_recipe()
    {
        Action find = () => RecipeSource.Find(_folder);

        find.Should().Throw<ImageException>().WithMessage("*has no recipe.json*Images of the library: debian-12, debian-12-cloud, tiny*");
    }
}
