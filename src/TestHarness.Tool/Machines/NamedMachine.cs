using System.Globalization;
using System.Net.Sockets;
using System.Numerics;
using System.Text;
using System.Text.Json;
using TestHarness.Hosts;
using TestHarness.Qemu;

namespace TestHarness.Tool.Machines;

/// <summary>
/// A machine with a name, and its folder: <c>machine.json</c>, the disks, the log of the process that keeps it, and that process's lock.
/// What runs is told by the lock and by what the process answers, never by a process id.
/// </summary>
internal sealed class NamedMachine
{
    private const int LongestName = 32;

    private NamedMachine(string name) => Name = name;

    public string Name { get; }

    public string Folder => Path.Combine(DataFolder.Machines, Name);

    public string Disks => Path.Combine(Folder, "disks");

    public string LogFile => Path.Combine(Folder, "log");

    /// <summary>Gets the lock of the process that keeps the machine.</summary>
    public string HostLock => Path.Combine(Folder, "host.lock");

    /// <summary>Gets the lock of a command that changes what the machine is.</summary>
    public string CommandLock => Path.Combine(DataFolder.Machines, $".{Name}.lock");

    /// <summary>Gets the file that is there from a start to an orderly end.</summary>
    public string RunningFile => Path.Combine(Folder, "running");

    /// <summary>
    /// Gets the socket of the process that keeps the machine. Short, for unix sockets; machines of another data folder have others.
    /// </summary>
    public string Socket
    {
        get
        {
            // A checksum, for a cryptographic hash loads OpenSSL, which takes as long as the rest of the way here.
            uint data = Encoding.UTF8.GetBytes(DataFolder.Machines).Aggregate(uint.MaxValue, BitOperations.Crc32C);
            string folder = RunFolder.ForUser(),
                name = $"{Name}.{data:x8}";
            RunFolder.RequireSockets(folder, [name]);
            return Path.Combine(folder, name);
        }
    }

    public bool Exists => File.Exists(SettingsFile);

    private string SettingsFile => Path.Combine(Folder, "machine.json");

    /// <summary>Names a machine that may not exist.</summary>
    /// <exception cref="ToolException">That is no name for one.</exception>
    public static NamedMachine Called(string name) =>
        name.Length is > 0 and <= LongestName
        && name[0] != '-'
        && name.All(character => char.IsAsciiLetterOrDigit(character) || character == '-')
            ? new NamedMachine(name)
            : throw new ToolException(
                ExitCode.Usage,
                $"\"{name}\" is no name for a machine: 1 to {LongestName} letters, digits and dashes, beginning with a letter or digit."
            );

    /// <summary>Names a machine that exists.</summary>
    /// <exception cref="ToolException">There is none of that name; those that there are, are named.</exception>
    public static NamedMachine Existing(string name)
    {
        NamedMachine machine = Called(name);
        if (machine.Exists)
            return machine;
        string[] others = [.. All().Select(other => other.Name)];
        string known = others.Length == 0 ? "There is none yet." : $"There are: {string.Join(", ", others)}.";
        throw new ToolException(ExitCode.UnknownMachine, $"There is no machine '{name}'. {known}\nTry: testvm up {name} --image debian-12");
    }

    public static IEnumerable<NamedMachine> All() =>
        Directory.Exists(DataFolder.Machines)
            ? Directory
                .GetDirectories(DataFolder.Machines)
                .Select(folder => new NamedMachine(Path.GetFileName(folder)))
                .Where(machine => machine.Exists)
                .OrderBy(machine => machine.Name, StringComparer.Ordinal)
            : [];

    /// <exception cref="ToolException">The file is not what was written there.</exception>
    public MachineSettings ReadSettings()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(SettingsFile), ToolJson.Default.MachineSettings)
                ?? throw new JsonException("It holds no machine.");
        }
        catch (JsonException e)
        {
            throw new ToolException(
                ExitCode.Failed,
                $"'{SettingsFile}' can't be read: {e.Message}\nTry: mend it, or remove the folder with the machine's disks"
            );
        }
    }

    /// <summary>Keeps what the machine is. In place at once, so that a killed command leaves the old or the new.</summary>
    public void Write(MachineSettings settings)
    {
        QemuReach.CreateFolder(Folder);
        File.Delete($"{SettingsFile}.new");
        // Nobody else's to read: user-data and commands may have passwords in them.
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using (var file = new FileStream($"{SettingsFile}.new", options))
            JsonSerializer.Serialize(file, settings, ToolJson.Default.MachineSettings);
        File.Move($"{SettingsFile}.new", SettingsFile, overwrite: true);
    }

    /// <summary>Removes the machine with its disks, but nothing else that somebody keeps in its folder.</summary>
    /// <returns>What stays, or <see langword="null"/>.</returns>
    public string? Remove()
    {
        if (new DirectoryInfo(Folder) is { LinkTarget: { } target })
        {
            File.Delete(Folder);
            return target;
        }

        KeptDisks.Remove(Disks);
        // What makes it a machine goes last: a removal that is killed can be done again.
        foreach (string file in (string[])[LogFile, HostLock, RunningFile, $"{SettingsFile}.new", SettingsFile])
            File.Delete(file);
        if (Directory.EnumerateFileSystemEntries(Folder).FirstOrDefault() is { } other)
            return other;
        Directory.Delete(Folder);
        return null;
    }

    /// <summary>Takes the machine for a command that changes it, or refuses where another one is at it.</summary>
    public FileLock TakeForCommand()
    {
        QemuReach.CreateFolder(DataFolder.Machines);
        return FileLock.TryTake(CommandLock)
            ?? throw new ToolException(
                ExitCode.Busy,
                $"Another command is at work on machine '{Name}' ({FileLock.ReadOwner(CommandLock)}).\nTry again when it has ended."
            );
    }

    /// <summary>Connects to the process that keeps the machine, or returns <see langword="null"/> where there is none.</summary>
    public async Task<HostChannel?> TryConnectAsync(CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Socket), cancellationToken);
            return new HostChannel(socket);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    /// <summary>Connects to the process that keeps the machine.</summary>
    /// <exception cref="ToolException">The machine is not running.</exception>
    public async Task<HostChannel> ConnectAsync(CancellationToken cancellationToken) =>
        await TryConnectAsync(cancellationToken)
        ?? throw new ToolException(
            ExitCode.NotRunning,
            $"Machine '{Name}' is not running (it is {RestingState()}).\nTry: testvm start {Name}"
        );

    /// <summary>Tells what a machine is that nobody keeps.</summary>
    public string RestingState() =>
        File.Exists(RunningFile) ? "crashed"
        : Directory.Exists(Disks) ? "stopped"
        : "created";
}

/// <summary>A machine in a list.</summary>
internal sealed record MachineStatus(
    string Name,
    string State,
    string Image,
    int MemoryMiB,
    int Cpus,
    IReadOnlyList<string> Ports,
    DateTimeOffset Created,
    DateTimeOffset? Since,
    bool Autostart
)
{
    private const string Hangs = "hangs";

    // One whose process hangs, or whose file is damaged, is a row as well: the others are listed all the same.
    public static async Task<MachineStatus> OfAsync(NamedMachine machine, CancellationToken cancellationToken)
    {
        MachineSettings settings;
        try
        {
            settings = machine.ReadSettings();
        }
        catch (ToolException)
        {
            return new MachineStatus(
                machine.Name,
                "damaged",
                "?",
                0,
                0,
                [],
                File.GetLastWriteTimeUtc(machine.Folder),
                null,
                new Autostart(machine).IsOn
            );
        }

        HostAnswer? answer;
        try
        {
            answer = await HostClient.TryAskAsync(machine, new HostRequest("status"), cancellationToken);
        }
        catch (ToolException)
        {
            answer = new HostAnswer { State = Hangs, Forwards = settings.Forwards };
        }

        IEnumerable<MachineForward> forwards = answer?.Forwards ?? settings.Forwards;
        return new MachineStatus(
            machine.Name,
            answer?.State ?? machine.RestingState(),
            settings.Image,
            settings.MemoryMiB,
            settings.Cpus,
            [
                .. forwards.Select(forward =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{(forward.Host == 0 ? "any" : $"127.0.0.1:{forward.Host}")}"
                            + $"->{forward.Guest}{(forward.Protocol == ForwardProtocol.Udp ? "/udp" : "")}"
                    )
                ),
            ],
            settings.Created,
            answer?.State == Hangs ? null : answer?.Since,
            new Autostart(machine).IsOn
        );
    }
}
