using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Specs;
using TestHarness.Text;
using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Commands;

/// <summary>
/// <c>testvm up --file</c>: makes and starts the machines of a definition file. One that is there already, as the file has it, is started;
/// one that runs, runs on.
/// </summary>
internal static class UpDefinitions
{
    /// <summary>Makes and starts them, one after the other.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The one that is meant, or <see langword="null"/> for all.</param>
    /// <param name="cancellationToken">Ends it; those that run by then run on.</param>
    public static async Task<int> RunAsync(FileInfo file, string? name, CancellationToken cancellationToken)
    {
        foreach ((NamedMachine machine, MachineSettings settings) in Read(file, name))
        {
            using FileLock taken = machine.TakeForCommand();
            HostAnswer? host = await HostClient.TryAskAsync(machine, new HostRequest("status"), cancellationToken);
            bool isNew = !machine.Exists,
                hasNewSetup = !isNew && IsOtherwiseSetUp(machine, settings, file);
            if (host is not null && hasNewSetup)
                throw new ToolException(
                    ExitCode.Usage,
                    $"Machine '{machine.Name}' runs, and was set up by other steps than '{file.FullName}' has now.\nTry: testvm stop "
                        + $"{machine.Name}, and this again: the steps from the first changed one on run on its disks"
                );
            if (isNew)
                machine.Write(settings);
            else if (hasNewSetup)
                machine.Write(settings with { Created = machine.ReadSettings().Created });
            if (host is { State: not "starting" })
                await Console.Error.WriteLineAsync($"Machine '{machine.Name}' is running already.");
            else
                await MachineCommands.StartNewAsync(machine, isNew, cancellationToken);
        }

        return 0;
    }

    /// <summary>Prints QEMU's command line of each.</summary>
    public static async Task<int> PreviewAsync(FileInfo file, string? name, CancellationToken cancellationToken)
    {
        foreach ((NamedMachine machine, MachineSettings settings) in Read(file, name))
        {
            await using var preview = new VirtualMachine(settings.ToSpec(machine.Name, machine.Disks));
            await Console.Out.WriteLineAsync(await preview.PreviewAsync(progress: null, cancellationToken));
        }

        return 0;
    }

    // All are looked at before the first is made.
    private static List<(NamedMachine Machine, MachineSettings Settings)> Read(FileInfo file, string? name)
    {
        IReadOnlyDictionary<string, MachineSpec> all = DefinitionFile.Read(file.FullName);
        if (name is not null && !all.ContainsKey(name))
            throw new ToolException(
                ExitCode.UnknownMachine,
                $"'{file.FullName}' has no machine '{name}'. There are: {string.Join(", ", all.Keys)}."
            );
        var machines = new List<(NamedMachine, MachineSettings)>();
        foreach ((string key, MachineSpec spec) in all.Where(one => name is null || one.Key == name))
        {
            if (spec.DiskFolder is not null)
                throw new ToolException(
                    ExitCode.Usage,
                    $"Machine '{key}' of '{file.FullName}' has a diskFolder: testvm keeps a machine's disks itself. Leave it out."
                );
            NamedMachine machine = NamedMachine.Called(key);
            MachineSettings settings = MachineSettings.Of(key, Stored(spec), Clock.System.GetUtcNow());
            RequireValid(settings.ToSpec(key, machine.Disks), key, file);
            machines.Add((machine, settings));
        }

        return machines;
    }

    private static void RequireValid(MachineSpec spec, string name, FileInfo file)
    {
        try
        {
            _ = new VirtualMachine(spec);
        }
        catch (ArgumentException e)
        {
            throw new ToolException(ExitCode.Usage, $"Machine '{name}' of '{file.FullName}': {e.Message}");
        }
    }

    // A disk of the store is meant by its name; what it boots by is known.
    private static MachineSpec Stored(MachineSpec spec) =>
        new StoredImages(CacheFolder.Path).FindDisk(spec.Image) is not { } stored
            ? spec
            : spec with
            {
                Image = stored.Image.DiskPath,
                ImageFormat = stored.Description!.Format,
                Firmware = stored.Image.KernelPath is null && spec.Firmware == Firmware.Kernel ? Firmware.Bios : spec.Firmware,
                KernelArguments =
                    spec.Firmware == Firmware.Kernel
                        ? $"{stored.Image.KernelArguments} {spec.KernelArguments}".Trim()
                        : spec.KernelArguments,
            };

    // The set-up alone may change: the disks have noted the steps that are behind them.
    private static bool IsOtherwiseSetUp(NamedMachine machine, MachineSettings settings, FileInfo file)
    {
        MachineSettings was = machine.ReadSettings();
        if (was.Definition != settings.Definition && Text(was, WithoutSetup) != Text(settings, WithoutSetup))
            throw new ToolException(
                ExitCode.Usage,
                $"Machine '{machine.Name}' is there already, and is not what '{file.FullName}' says now.\nTry: testvm start "
                    + $"{machine.Name} for it as it is, or testvm delete {machine.Name} and this again"
            );
        return Text(was, SetupAlone) != Text(settings, SetupAlone);

        static MachineSpec WithoutSetup(MachineSpec spec) => spec with { Setup = [] };
        static MachineSpec SetupAlone(MachineSpec spec) => new() { Setup = spec.Setup };
        string? Text(MachineSettings of, Func<MachineSpec, MachineSpec> part) =>
            of.Definition is null
                ? null
                : MachineSettings.Of(machine.Name, part(of.ToSpec(machine.Name, machine.Disks)), of.Created).Definition;
    }
}
