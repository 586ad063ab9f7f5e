using System.CommandLine;
using System.CommandLine.Completions;
using System.Text.Json;
using TestHarness.Text;
using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Commands;

/// <summary>The machines that tests have saved (<see cref="VirtualMachine.SaveAsync(string, CancellationToken)"/>).</summary>
internal static class SavedCommands
{
    public static Command Make() =>
        new("saved", "The machines that programs have saved, from which others go on.") { List(), Remove(), Export(), Import() };

    private static Argument<string> Name()
    {
        var name = new Argument<string>("name") { Description = "The saved machine." };
        name.CompletionSources.Add(_ => SavedMachine.All().Select(saved => new CompletionItem(saved.Name)));
        return name;
    }

    private static SavedMachine Existing(string name)
    {
        if (SavedMachine.Find(name) is { } saved)
            return saved;
        string[] others = [.. SavedMachine.All().Select(one => one.Name)];
        string known = others.Length == 0 ? "There is none yet." : $"There are: {string.Join(", ", others)}.";
        throw new ToolException(ExitCode.UnknownMachine, $"There is no saved machine '{name}'. {known}");
    }

    private static Command List()
    {
        var json = new Option<bool>("--json") { Description = "As JSON, for programs." };
        var command = new Command("list", "Lists them.") { json };
        command.SetAction(
            async (result, token) =>
            {
                var all = new List<SavedStatus>();
                foreach (SavedMachine saved in SavedMachine.All())
                    all.Add(await SavedStatus.OfAsync(saved, token));
                if (result.GetValue(json))
                    await Console.Out.WriteLineAsync(JsonSerializer.Serialize(all, ToolJson.Default.IReadOnlyListSavedStatus));
                else
                    Table.Write(
                        ["NAME", "IMAGE", "MEMORY", "SIZE", "AGE", "RUNS HERE"],
                        all.Select(one =>
                            (IReadOnlyList<string>)
                                [
                                    one.Name,
                                    one.Image,
                                    Sizes.Text(one.MemoryMiB),
                                    $"{one.MiB}M",
                                    Table.Age(Clock.System.GetUtcNow() - one.Saved),
                                    one.Obstacle is { } obstacle ? $"no: {obstacle}" : "yes",
                                ]
                        )
                    );
                return 0;
            }
        );
        return command;
    }

    private static Command Remove()
    {
        Argument<string> name = Name();
        var command = new Command("remove", "Deletes one.") { name };
        command.SetAction(
            async (result, _) =>
            {
                SavedMachine saved = Existing(result.GetValue(name)!);
                saved.Delete();
                await Console.Error.WriteLineAsync($"The saved machine '{saved.Name}' is deleted.");
                return 0;
            }
        );
        return command;
    }

    private static Command Export()
    {
        Argument<string> name = Name();
        var file = new Argument<FileInfo>("file") { Description = "The file that is written, such as shop.tar.zst." };
        var secrets = new Option<bool>("--with-secrets")
        {
            Description = "Also where the machine had secrets: whoever gets the file can read them.",
        };
        var command = new Command("export", "Writes one as a file for other hosts; prints the file's SHA-256.") { name, file, secrets };
        command.SetAction(
            async (result, token) =>
            {
                SavedMachine saved = Existing(result.GetValue(name)!);
                string sum = await StepDisplay.RunAsync(steps =>
                    saved.ExportAsync(result.GetValue(file)!.FullName, result.GetValue(secrets), steps, token)
                );
                await Console.Out.WriteLineAsync(sum);
                await Console.Error.WriteLineAsync($"Try there: testvm saved import {result.GetValue(file)!.Name} --sha256 {sum}");
                return 0;
            }
        );
        return command;
    }

    private static Command Import()
    {
        var file = new Argument<FileInfo>("file") { Description = "A file that testvm saved export wrote." };
        var sum = new Option<string>("--sha256") { Description = "The file's SHA-256, from who exported it.", Required = true };
        var name = new Option<string?>("--name") { Description = "The name that it gets. Default: its own." };
        var command = new Command("import", "Reads one from a file.") { file, sum, name };
        command.SetAction(
            async (result, token) =>
            {
                SavedMachine saved = await StepDisplay.RunAsync(steps =>
                    SavedMachine.ImportAsync(result.GetValue(file)!.FullName, result.GetValue(sum)!, result.GetValue(name), steps, token)
                );
                await Console.Out.WriteLineAsync(saved.Name);
                if (await saved.FindObstacleAsync(token) is { } obstacle)
                    await Console.Error.WriteLineAsync(PrintableText.Of($"It can't run on this host: {obstacle}."));
                else if (saved.Spec.Network == NetworkMode.Internet)
                    await Console.Error.WriteLineAsync("Its machines reach what this host's programs reach (NetworkMode.Internet).");
                return 0;
            }
        );
        return command;
    }
}

/// <summary>A saved machine in a list.</summary>
internal sealed record SavedStatus(string Name, string Image, int MemoryMiB, long MiB, DateTimeOffset Saved, string? Obstacle)
{
    public static async Task<SavedStatus> OfAsync(SavedMachine saved, CancellationToken cancellationToken) =>
        new(
            saved.Name,
            saved.Spec.Image,
            saved.Spec.MemoryMiB,
            saved.Bytes / (1024 * 1024),
            saved.Saved,
            await saved.FindObstacleAsync(cancellationToken)
        );
}
