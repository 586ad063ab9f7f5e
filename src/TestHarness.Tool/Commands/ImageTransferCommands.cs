using System.CommandLine;
using TestHarness.Images;
using TestHarness.Text;

namespace TestHarness.Tool.Commands;

/// <summary>Images that come from elsewhere, and go there.</summary>
internal static class ImageTransferCommands
{
    private static StoredImages Store => new(CacheFolder.Path);

    public static IEnumerable<Command> All() => [Pull(), Sync(), Package(), Import()];

    private static Option<string?> Name() => new("--name") { Description = "The image's name here." };

    private static Option<DiskFormat?> Format() =>
        new("--format") { Description = "The disk's format, qcow2 or raw, where its ending does not say it." };

    private static Command Pull()
    {
        var address = new Argument<string>("url") { Description = "The disk's address: https:, file:, or http: of this machine itself." };
        var sum = new Option<string>("--sha256") { Description = "The SHA-256 that its publisher names.", Required = true };
        Option<string?> name = Name();
        Option<DiskFormat?> format = Format();
        var command = new Command("pull", "Fetches a disk ahead of time; goes on where it was cut.") { address, sum, name, format };
        command.SetAction(
            async (result, token) =>
            {
                string from = result.GetValue(address)!;
                var pull = new ImagePull
                {
                    Address = from,
                    Sha256 = result.GetValue(sum)!,
                    Name = result.GetValue(name) ?? ImagePull.NameOf(from),
                    Format = result.GetValue(format),
                };
                return Tell(await StepDisplay.RunAsync(steps => pull.RunAsync(Store, steps, token)));
            }
        );
        return command;
    }

    private static Command Sync()
    {
        var source = new Argument<string>("source") { Description = "A simplestreams source: the address above streams/v1." };
        var series = new Option<string?>("--series") { Description = "A release, by name, version or alias: jammy, 22.04, lts." };
        var arch = new Option<string>("--arch") { Description = "The architecture.", DefaultValueFactory = _ => "amd64" };
        var product = new Option<string?>("--product") { Description = "A product by its full name, in place of series and architecture." };
        var version = new Option<string?>("--version") { Description = "A version. Default: the newest." };
        var item = new Option<string>("--item") { Description = "Which file of it.", DefaultValueFactory = _ => "disk1.img" };
        var keyring = new Option<FileInfo?>("--keyring")
        {
            Description = "The publisher's keys: nothing is read that they have not signed.",
        };
        Option<string?> name = Name();
        Option<DiskFormat?> format = Format();
        var command = new Command("sync", "Fetches the newest image of a series.")
        {
            source,
            series,
            arch,
            product,
            version,
            item,
            keyring,
            name,
            format,
        };
        command.SetAction(
            async (result, token) =>
            {
                var query = new StreamQuery
                {
                    Series = result.GetValue(series),
                    Architecture = result.GetValue(arch)!,
                    Product = result.GetValue(product),
                    Version = result.GetValue(version),
                    Item = result.GetValue(item)!,
                };
                DiskFormat stated = result.GetValue(format)
                    ?? (query.Item.EndsWith(".raw", StringComparison.Ordinal) ? DiskFormat.Raw : DiskFormat.Qcow2);
                var from = new ImageSource(result.GetValue(source)!, result.GetValue(keyring)?.FullName);
                return Tell(await StepDisplay.RunAsync(steps => from.SyncAsync(Store, query, result.GetValue(name), stated, steps, token)));
            }
        );
        return command;
    }

    private static Command Package()
    {
        var image = new Argument<string>("image")
        {
            Description = "An image of the list, or the path of a disk: it is made one file, whatever it lies on.",
        };
        var file = new Argument<FileInfo>("file") { Description = "The package to write: FILE.tar.zst." };
        Option<string?> name = Name();
        Option<DiskFormat?> format = Format();
        var command = new Command("package", "Writes an image as one file for other hosts.") { image, file, name, format };
        command.SetAction(
            async (result, token) =>
            {
                string from = result.GetValue(image)!,
                    to = result.GetValue(file)!.FullName;
                StoredImage? stored = Store.All().FirstOrDefault(one => one.Name == from && one.Kind != StoredKind.Fetched);
                await StepDisplay.RunAsync(async steps =>
                {
                    var package = new DiskPackage(Store, steps);
                    if (stored is not null)
                        await package.WriteAsync(result.GetValue(name) is { } other ? stored.Named(other) : stored, to, token);
                    else
                        await package.WriteDiskAsync(
                            from,
                            result.GetValue(format),
                            result.GetValue(name) ?? Path.GetFileNameWithoutExtension(from),
                            to,
                            token
                        );
                    return to;
                });
                await Console.Out.WriteLineAsync(to);
                return 0;
            }
        );
        return command;
    }

    private static Command Import()
    {
        var file = new Argument<FileInfo>("file") { Description = "A package that testvm image package wrote." };
        Option<string?> name = Name();
        var command = new Command("import", "Reads a package into the store.") { file, name };
        command.SetAction(
            async (result, token) =>
                Tell(
                    await StepDisplay.RunAsync(steps =>
                        new DiskImport(Store, result.GetValue(file)!.FullName, steps).RunAsync(result.GetValue(name), token)
                    )
                )
        );
        return command;
    }

    // Where it is, for programs; how to name it, for people.
    private static int Tell(StoredImage image)
    {
        Console.Out.WriteLine(image.Image.DiskPath);
        GuestImage disk = image.Image;
        string arguments = disk.KernelPath is null ? "Firmware = Firmware.Bios" : $"KernelArguments = \"{disk.KernelArguments}\"";
        string format = $"DiskFormat.{image.Description!.Format}";
        Console.Error.WriteLine(
            PrintableText.Of(
                $$"""
                Image '{{image.Name}}' ({{disk.Key}}) is there.
                In a test: new MachineSpec { Image = "{{disk.DiskPath}}", ImageFormat = {{format}}, {{arguments}} }
                Try: testvm up --image {{image.Name}}
                """
            )
        );
        return 0;
    }
}
