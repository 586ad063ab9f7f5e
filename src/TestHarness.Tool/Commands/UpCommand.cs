using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Text;
using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Commands;

/// <summary><c>testvm up</c>: describes a machine and starts it; one that is there already is started as it is.</summary>
internal sealed partial class UpCommand : Command
{
    private readonly Argument<string?> _name = new("name")
    {
        Description = "The machine's name. Default: the image's.",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<string> _image = new("--image", "-i")
    {
        Description =
            "A recipe (tiny, debian-12), a folder with one, a disk's file or address, or an image that was imported, pulled or synced.",
        DefaultValueFactory = _ => "debian-12",
    };
    private readonly Option<int?> _cpus = new("--cpus") { Description = "Virtual processors. Default: 1." };
    private readonly Option<string?> _memory = new("--memory", "-m") { Description = "Memory: 512M, 2G. Default: 512M." };
    private readonly Option<string[]> _disks = new("--disk") { Description = "A further, empty disk: 1G. May be repeated." };
    private readonly Option<string[]> _forwards = new("--forward", "-p")
    {
        Description = "A port of 127.0.0.1 that leads into the guest: 8080:80, 80 (any port), 5353:53/udp. May be repeated.",
    };
    private readonly Option<FileInfo?> _cloudInit = new("--cloud-init") { Description = "A file with cloud-init's user-data." };
    private readonly Option<FileInfo?> _kernel = new("--kernel") { Description = "The kernel of a disk of your own." };
    private readonly Option<FileInfo?> _initrd = new("--initrd") { Description = "Its initrd." };
    private readonly Option<string> _append = new("--append")
    {
        Description = "Further arguments of the kernel.",
        DefaultValueFactory = _ => "",
    };
    private readonly Option<NetworkMode> _network = new("--network")
    {
        Description = "What the guest reaches.",
        DefaultValueFactory = _ => NetworkMode.Isolated,
    };
    private readonly Option<Firmware> _firmware = new("--firmware")
    {
        Description = "What boots a disk of your own.",
        DefaultValueFactory = _ => Firmware.Kernel,
    };
    private readonly Option<string?> _constraints = new("--constraints") { Description = "All at once: \"mem=2G cores=2\"." };

    private readonly Option<FileInfo?> _file = new("--file", "-f")
    {
        Description = "A definition file, YAML or JSON: all its machines, or the named one.",
    };

    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Prints QEMU's command line and starts nothing." };

    public UpCommand()
        : base("up", "Makes a machine and starts it.")
    {
        _name.CompletionSources.Add(_ => MachineCommands.Names());
        _image.CompletionSources.Add(_ => ImageCommands.Names());
        Arguments.Add(_name);
        foreach (
            Option option in (Option[])
                [
                    _image,
                    _cpus,
                    _memory,
                    _disks,
                    _forwards,
                    _cloudInit,
                    _kernel,
                    _initrd,
                    _append,
                    _network,
                    _firmware,
                    _constraints,
                    _file,
                    _dryRun,
                ]
        )
            Options.Add(option);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        if (result.GetValue(_file) is { } file)
            return await RunFileAsync(result, file, cancellationToken);
        string image = result.GetValue(_image)!;
        NamedMachine machine = NamedMachine.Called(result.GetValue(_name) ?? NameOf(image));
        if (result.GetValue(_dryRun))
        {
            MachineSettings settings = machine.Exists ? machine.ReadSettings() : Describe(result, machine, image);
            await using var preview = new VirtualMachine(settings.ToSpec(machine.Name, machine.Disks));
            await Console.Out.WriteLineAsync(await preview.PreviewAsync(progress: null, cancellationToken));
            return 0;
        }

        using FileLock taken = machine.TakeForCommand();
        bool isNew = !machine.Exists;
        if (isNew)
            machine.Write(Describe(result, machine, image));
        else if (result.Tokens.Any(token => token.Value.StartsWith('-')))
            throw new ToolException(
                ExitCode.Usage,
                $"Machine '{machine.Name}' is there already, and what it is was said when it was made.\nTry: testvm start "
                    + $"{machine.Name}, or testvm delete {machine.Name} first"
            );
        return await MachineCommands.StartNewAsync(machine, isNew, cancellationToken);
    }

    private Task<int> RunFileAsync(ParseResult result, FileInfo file, CancellationToken cancellationToken)
    {
        Option? other = Options.FirstOrDefault(option =>
            option != _file && option != _dryRun && result.GetResult(option) is { Implicit: false }
        );
        if (other is not null)
            throw new ToolException(ExitCode.Usage, $"--file says all of a machine: write what {other.Name} is for into the file.");
        string? name = result.GetValue(_name);
        return result.GetValue(_dryRun)
            ? UpDefinitions.PreviewAsync(file, name, cancellationToken)
            : UpDefinitions.RunAsync(file, name, cancellationToken);
    }

    private MachineSettings Describe(ParseResult result, NamedMachine machine, string image)
    {
        Constraints constraints = Constraints.Parse(result.GetValue(_constraints) ?? "");
        foreach (string warning in constraints.Warnings)
            Console.Error.WriteLine(warning);
        // Of the disks in the store; what they boot by is known.
        StoredImage? stored = new StoredImages(CacheFolder.Path).FindDisk(image);
        if (stored is { Image.Architecture: not "amd64" })
            throw new ToolException(
                ExitCode.Usage,
                $"Image '{image}' is for {stored.Image.Architecture}, and machines are for amd64.\nTry: testvm image sync SOURCE "
                    + "--arch amd64"
            );
        Firmware firmware =
            stored is { Image.KernelPath: null } && result.GetResult(_firmware) is null or { Implicit: true }
                ? Firmware.Bios
                : result.GetValue(_firmware);
        var settings = new MachineSettings
        {
            ImageFormat = stored?.Description!.Format,
            Image =
                stored is not null ? stored.Image.DiskPath
                : image.Contains('/', StringComparison.Ordinal) && !image.Contains("://", StringComparison.Ordinal)
                    ? Path.GetFullPath(image)
                : image,
            Cpus = result.GetValue(_cpus) ?? constraints.Cpus ?? 1,
            MemoryMiB = result.GetValue(_memory) is { } memory ? Sizes.Mebibytes(memory, "--memory") : constraints.MemoryMiB ?? 512,
            DisksMiB = [.. (result.GetValue(_disks) ?? []).Select(size => Sizes.Mebibytes(size, "--disk"))],
            Forwards = [.. (result.GetValue(_forwards) ?? []).Select(ParseForward)],
            UserData = result.GetValue(_cloudInit) is { } file ? File.ReadAllText(file.FullName) : null,
            Kernel = result.GetValue(_kernel)?.FullName,
            Initrd = result.GetValue(_initrd)?.FullName,
            Append = $"{(firmware == Firmware.Kernel ? stored?.Image.KernelArguments : "")} {result.GetValue(_append)}".Trim(),
            Network = result.GetValue(_network),
            Firmware = firmware,
            Created = Clock.System.GetUtcNow(),
        };
        // Told now and by name, not by the process that keeps it.
        _ = new VirtualMachine(settings.ToSpec(machine.Name, machine.Disks));
        return settings;
    }

    private static string NameOf(string image)
    {
        string name = NotInNames().Replace(Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(image)), "-").Trim('-');
        return name.Length > 0 ? name : "machine";
    }

    private static MachineForward ParseForward(string text)
    {
        if (ForwardPattern().Match(text) is { Success: true } match)
        {
            int host = match.Groups["host"] is { Success: true } given ? Port(given.Value) : 0;
            return new MachineForward(
                host,
                Port(match.Groups["guest"].Value),
                match.Groups["udp"].Success ? ForwardProtocol.Udp : ForwardProtocol.Tcp
            );
        }

        throw new ToolException(
            ExitCode.Usage,
            $"--forward is \"{text}\": write 8080:80 (host, guest), 80 (any port of the host) or 5353:53/udp."
        );

        int Port(string digits) =>
            int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= 65535
                ? port
                : throw new ToolException(ExitCode.Usage, $"--forward is \"{text}\": ports are 1 to 65535.");
    }

    [GeneratedRegex(@"\A(?:(?<host>[0-9]+):)?(?<guest>[0-9]+)(?<udp>/udp)?(?:/tcp)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex ForwardPattern();

    [GeneratedRegex("[^A-Za-z0-9-]+", RegexOptions.CultureInvariant)]
    private static partial Regex NotInNames();
}
