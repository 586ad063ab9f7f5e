using FluentAssertions;
using TestHarness.Images;
using TestHarness.Specs;
using TestHarness.Tests.Goldens;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>
/// Where a relative path of a spec leads: to the current directory first, which is the test program's, and then to the project.
/// </summary>
[Collection(nameof(GoldenCollection))]
public sealed class OwnPathTests : IDisposable
{
    private readonly GoldenSandbox _sandbox = new();

    // Nowhere else is there one of this name.
    private readonly string _name = $"own-{Guid.NewGuid():N}";

    public OwnPathTests()
    {
        File.WriteAllText(_sandbox.At("Project.csproj"), "<Project />");
        string source = Path.Combine(Directory.CreateDirectory(_sandbox.At("sub/sub")).FullName, "LoginTests.cs");
        Golden.CurrentTest = () => new GoldenTest("1", "LoginTests.Boots", typeof(LoginTests), "Boots", source);
    }

    public void Dispose() => _sandbox.Dispose();

    [Theory]
    [InlineData("./")]
    [InlineData("images/")]
    [InlineData("./images/../")]
    public void A_recipe_is_found_beside_the_project_of_the_test_that_runs(string above)
    {
        string folder = Directory.CreateDirectory(Path.GetFullPath(_sandbox.At(above + _name))).FullName;
        File.WriteAllText(Path.Combine(folder, "recipe.json"), "{}");

        RecipeSource.Find(above + _name).File.Should().Be(Path.Combine(folder, "recipe.json"));
    }

    [Fact]
    public void A_disk_with_its_kernel_and_initrd_is_found_there_too()
    {
        foreach (string name in (string[])["raw", "kernel", "initrd"])
            File.WriteAllBytes(_sandbox.At($"{_name}.{name}"), new byte[512]);
        var spec = new MachineSpec
        {
            Image = $"{_name}.raw",
            Kernel = $"./{_name}.kernel",
            Initrd = $"{_name}.initrd",
        };

        GuestImage image = OwnImage.Open(spec, spec.Image, DiskFormat.Raw);

        (image.DiskPath, image.KernelPath, image.InitrdPath)
            .Should()
            .Be((_sandbox.At($"{_name}.raw"), _sandbox.At($"{_name}.kernel"), _sandbox.At($"{_name}.initrd")));
    }

    [Fact]
    public void The_current_directory_comes_first()
    {
        string first = Path.GetFullPath(_name);
        File.WriteAllText(_sandbox.At(_name), "beside the project");
        File.WriteAllText(first, "here");
        try
        {
            OwnPath.Find(_name, File.Exists).Should().Be(first);
        }
        finally
        {
            File.Delete(first);
        }

        OwnPath.Find(_name, File.Exists).Should().Be(_sandbox.At(_name));
    }

    [Fact]
    public void Without_a_test_the_project_is_found_from_the_program()
    {
        Golden.CurrentTest = null;

        OwnPath.Find("TestHarness.Tests.csproj", File.Exists).Should().EndWith("/TestHarness.Tests/TestHarness.Tests.csproj");
    }

    [Fact]
    public void What_is_nowhere_is_told_with_both_places()
    {
        var spec = new MachineSpec { Image = $"./{_name}.raw", Kernel = $"{_name}.kernel" };
        string both =
            "a relative path begins at the current directory, which under dotnet test is the test program's folder. What is not "
            + $"there is looked for beside the project's file; '{_sandbox.At(_name)}";

        Says(() => RecipeSource.Find($"./{_name}"))
            .Should()
            .Contain($"'{Path.GetFullPath(_name)}' has no recipe.json")
            .And.Contain($"Path: {both}' is not there either.");
        Says(() => OwnImage.Open(spec, spec.Image, DiskFormat.Raw))
            .Should()
            .Contain($"File: {Path.GetFullPath(_name)}.raw\nReason: there is no such file\nTry: {both}.raw' is not there either.");
        File.WriteAllBytes(_sandbox.At($"{_name}.raw"), new byte[512]);
        Says(() => OwnImage.Open(spec, spec.Image, DiskFormat.Raw))
            .Should()
            .Contain($"File: {Path.GetFullPath(_name)}.kernel\nReason: there is no such file\nTry: {both}.kernel' is not there either.");
        File.Delete(_sandbox.At("Project.csproj"));
        Golden.CurrentTest = () => new GoldenTest("1", "LoginTests.Boots", typeof(LoginTests), "Boots", null);
        Says(() => RecipeSource.Find($"/{_name}")).Should().NotContain("relative path");
    }

    private static string Says(Action use) => use.Should().Throw<ImageException>().Which.Message;
}
