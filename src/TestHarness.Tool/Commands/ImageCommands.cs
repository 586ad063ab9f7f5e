using System.CommandLine;
using System.CommandLine.Completions;
using System.Globalization;
using System.Text.Json;
using TestHarness.Images;
using TestHarness.Qemu;
using TestHarness.Text;
using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Commands;

/// <summary>The images that machines start from.</summary>
internal static class ImageCommands
{
    private static StoredImages Store => new(CacheFolder.Path);

    public static IEnumerable<Command> All()
    {
        var image = new Command("image", "The images that machines start from.") { List(), Build(), Info(), Remove(), Collect() };
        foreach (Command command in ImageTransferCommands.All())
            image.Subcommands.Add(command);
        return [image];
    }

    /// <summary>Names the images that have one, for a shell's completion.</summary>
    public static IEnumerable<CompletionItem> Names() =>
        Store
            .All()
            .Where(image => image.Kind != StoredKind.Fetched)
            .Select(image => image.Name)
            .Distinct()
            .Select(name => new CompletionItem(name));

    private static Command List()
    {
        var json = new Option<bool>("--json") { Description = "As JSON, for programs." };
        var command = new Command("list", "Lists the images that are there: built, imported and fetched.") { json };
        command.SetAction(
            async (result, _) =>
            {
                ImageStatus[] all = [.. Store.All().Select(ImageStatus.Of)];
                if (result.GetValue(json))
                    await Console.Out.WriteLineAsync(JsonSerializer.Serialize(all, ToolJson.Default.IReadOnlyListImageStatus));
                else
                    Table.Write(
                        ["NAME", "KIND", "KEY", "SIZE", "PACKAGES", "AGE"],
                        all.Select(one =>
                            (IReadOnlyList<string>)
                                [
                                    one.Name,
                                    one.Kind,
                                    one.Key,
                                    $"{one.MiB}M",
                                    $"{one.Packages}",
                                    Table.Age(Clock.System.GetUtcNow() - one.Built),
                                ]
                        )
                    );
                return 0;
            }
        );
        return command;
    }

    private static Command Build()
    {
        var name = new Argument<string>("name") { Description = "A recipe's name (tiny, debian-12), or the folder of your own." };
        var anew = new Option<bool>("--anew") { Description = "Builds it with the package versions of today, also where it is there." };
        var command = new Command("build", "Builds an image from its recipe.") { name, anew };
        command.SetAction(
            async (result, token) =>
            {
                ImageBuildMode mode = result.GetValue(anew) ? ImageBuildMode.Always : ImageBuildMode.IfMissing;
                GuestImage image = await StepDisplay.RunAsync(steps =>
                    new ImageCache(CacheFolder.Images).GetAsync(result.GetValue(name)!, mode, steps, token)
                );
                await Console.Out.WriteLineAsync(image.Folder);
                return 0;
            }
        );
        return command;
    }

    private static Command Info()
    {
        var name = new Argument<string>("name") { Description = "An image that is there, as the list names it." };
        name.CompletionSources.Add(_ => Names());
        var command = new Command("info", "Tells what is in an image.") { name };
        command.SetAction(
            async (result, _) =>
            {
                foreach (StoredImage stored in Named(result.GetValue(name)!))
                {
                    (ImageStatus status, GuestImage image) = (ImageStatus.Of(stored), stored.Image);
                    await Console.Out.WriteLineAsync(
                        PrintableText.Of(
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"""
                                {status.Name} {status.Key}
                                  kind:      {status.Kind}
                                  folder:    {image.Folder}
                                  disk:      {image.DiskPath}{(
                                    stored.Description is { } disk ? $" ({disk.Format}, {disk.DiskBytes / (1024 * 1024)} MiB)" : ""
                                )}
                                  built:     {status.Built:u}
                                  size:      {status.MiB} MiB
                                  kernel:    {image.KernelArguments}
                                  packages:  {status.Packages} ({image.PackagesPath})
                                  source:    {stored.Description?.Source ?? "none"}
                                  machines:  {(UsersOf(image) is { Length: > 0 } users ? string.Join(", ", users) : "none")}
                                """
                            )
                        )
                    );
                }

                return 0;
            }
        );
        return command;
    }

    private static Command Remove()
    {
        var name = new Argument<string>("name") { Description = "An image that is there, as the list names it." };
        name.CompletionSources.Add(_ => Names());
        var command = new Command("remove", "Removes an image; machines that run from it run on.") { name };
        command.SetAction(
            async (result, token) =>
            {
                foreach (StoredImage stored in Named(result.GetValue(name)!))
                {
                    GuestImage image = stored.Image;
                    if (UsersOf(image) is { Length: > 0 } users)
                        throw new ToolException(
                            ExitCode.Failed,
                            $"The disks of {string.Join(", ", users)} lie on image '{image.Name}' ({image.Key}).\nTry: testvm "
                                + $"delete {users[0]} first"
                        );
                    await Store.DeleteAsync(stored, token);
                    await Console.Error.WriteLineAsync($"Image '{image.Name}' ({image.Key}) is removed.");
                }

                return 0;
            }
        );
        return command;
    }

    private static Command Collect()
    {
        var command = new Command(
            "gc",
            "Removes images that a newer one of the same name has replaced, and that no machine's disks lie on."
        );
        command.SetAction(
            async (_, token) =>
            {
                await using (var steps = new StepDisplay())
                    Store.Sweep(steps);
                IEnumerable<StoredImage> replaced = Store
                    .All()
                    .Where(image => image.Kind != StoredKind.Fetched)
                    .GroupBy(image => (image.Kind, image.Name))
                    .SelectMany(images => images.OrderByDescending(image => image.Added).Skip(1));
                foreach (StoredImage image in replaced.Where(image => UsersOf(image.Image).Length == 0).ToArray())
                {
                    long size = ImageStatus.Of(image).MiB;
                    await Store.DeleteAsync(image, token);
                    await Console.Out.WriteLineAsync($"removed {image.Name} {image.Image.Key} ({size} MiB)");
                }

                return 0;
            }
        );
        return command;
    }

    private static StoredImage[] Named(string name)
    {
        StoredImage[] images = [.. Store.All().Where(image => image.Name == name)];
        return images.Length > 0
            ? images
            : throw new ToolException(
                ExitCode.Failed,
                $"No image '{name}' is there.\nTry: testvm image list, or testvm image build {name}"
            );
    }

    private static string[] UsersOf(GuestImage image) =>
        [.. NamedMachine.All().Where(machine => KeptDisks.BaseOf(machine.Disks) == image.DiskPath).Select(machine => machine.Name)];
}

/// <summary>An image in a list.</summary>
internal sealed record ImageStatus(
    string Name,
    string Kind,
    string Key,
    long MiB,
    int Packages,
    DateTimeOffset Built,
    string Folder,
    string Disk
)
{
    public static ImageStatus Of(StoredImage image) =>
        new(
            image.Name,
            image.Kind switch
            {
                StoredKind.Recipe => "recipe",
                StoredKind.Disk => "disk",
                _ => "fetched",
            },
            image.Image.Key,
            image.Bytes / (1024 * 1024),
            image.Kind == StoredKind.Recipe && File.Exists(image.Image.PackagesPath) ? File.ReadLines(image.Image.PackagesPath).Count() : 0,
            image.Added,
            image.Image.Folder,
            image.Image.DiskPath
        );
}
