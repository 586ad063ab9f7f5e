using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Templates;

public sealed class RecipeSetupTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("recipe-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_steps_of_a_recipe_come_before_those_of_its_machine_and_build_no_image()
    {
        string recipe = Path.Combine(_folder, "tiny");
        Directory.CreateDirectory(recipe);
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "images/tiny")))
            File.Copy(file, Path.Combine(recipe, Path.GetFileName(file)));
        string json = Path.Combine(recipe, "recipe.json"),
            text = await File.ReadAllTextAsync(json, Token);
        await File.WriteAllTextAsync(
            json,
            $$"""
            { // A comment changes nothing.
            "setup": [{ "write": "/root/order", "text": "recipe {{Guid.NewGuid()}}\n", "name": "from the recipe" }],{{text[
                (text.IndexOf('{') + 1)..
            ]}}
            """,
            Token
        );
        var steps = new List<string>();
        MachineSpec spec = new() { Image = recipe, Setup = [SetupStep.Run("echo machine >> /root/order")] };

        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, new StepList(steps), Token);

        (await vm.Files.ReadTextAsync("/root/order", cancellationToken: Token)).Should().Match("recipe *\nmachine\n");
        steps.Should().NotContain(step => step.StartsWith("image "));
        steps.Should().Contain("set-up 2 of 2: run echo machine >> /root/order");
        SavedMachine saved = await vm.SaveAsync($"recipe-{Environment.ProcessId}", Token);
        await using (VirtualMachine again = await VirtualMachine.StartAsync(saved, cancellationToken: Token))
            (await again.Files.ReadTextAsync("/root/order", cancellationToken: Token)).Should().Match("recipe *\nmachine\n");
        SavedMachine.All().Should().Contain(one => one.Name == saved.Name);
        saved.Delete();
    }
}
