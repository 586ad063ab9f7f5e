using TestHarness.Hosts;

namespace TestHarness.Tool.Machines;

/// <summary>A machine's unit of the user's systemd, which starts it when the user's services start.</summary>
internal sealed class Autostart(NamedMachine machine)
{
    private const string Target = "default.target";

    // So long may a guest take to shut down, on a host without KVM, too.
    private const string StopLimit = "5min";

    public string Unit => $"testvm-{machine.Name}.service";

    public string UnitFile => Path.Combine(Folder, Unit);

    /// <summary>
    /// Gets a value indicating whether the unit is there, and starts this machine: one of the same name in another data folder has the same
    /// unit.
    /// </summary>
    public bool IsOn => UserFolder.HasConfiguration && File.Exists(UnitFile) && File.ReadLines(UnitFile).Contains(DataLine);

    private static string Folder => Path.Combine(UserFolder.Configuration, "systemd/user");

    private static string DataLine => SystemdText.Environment("TESTHARNESS_DATA", DataFolder.Path);

    /// <summary>Writes the unit and enables it.</summary>
    /// <exception cref="ToolException">There is no systemd user manager, the unit is another machine's, or systemd refused it.</exception>
    public async Task TurnOnAsync(CancellationToken cancellationToken)
    {
        if (File.Exists(UnitFile) && !IsOn)
            throw new ToolException(
                ExitCode.Failed,
                $"'{UnitFile}' is there and starts another machine, or was written by hand.\nTry: rename the machine, or remove that file"
            );
        (int exitCode, string error) = await SystemctlAsync(["show", "--property=Version"], cancellationToken);
        if (exitCode != 0)
            throw new ToolException(
                ExitCode.Usage,
                $"Machine '{machine.Name}' can't start by itself: this host has no systemd user manager that can be "
                    + $"asked.\nsystemctl --user: {error}\nTry: log in by a session that systemd keeps (ssh, a desktop), or "
                    + "loginctl enable-linger, and again"
            );
        Directory.CreateDirectory(Folder);
        await File.WriteAllTextAsync($"{UnitFile}.new", Text(HostLauncher.Self()), cancellationToken);
        File.Move($"{UnitFile}.new", UnitFile, overwrite: true);
        foreach (
            string[] command in (string[][])
                [
                    ["daemon-reload"],
                    ["enable", Unit],
                ]
        )
        {
            (exitCode, error) = await SystemctlAsync(command, cancellationToken);
            if (exitCode == 0)
                continue;
            await TurnOffAsync(CancellationToken.None);
            throw new ToolException(
                ExitCode.Failed,
                $"Machine '{machine.Name}' does not start by itself: systemctl --user {string.Join(' ', command)} "
                    + $"failed.\nsystemctl --user: {error}"
            );
        }
    }

    /// <summary>Removes the unit, also where no systemd runs any more.</summary>
    /// <returns>Whether it was there.</returns>
    public async Task<bool> TurnOffAsync(CancellationToken cancellationToken)
    {
        if (!IsOn)
            return false;
        // Whether or not somebody hears it, the two files are all that a unit is.
        await SystemctlAsync(["disable", Unit], cancellationToken);
        string wanted = Path.Combine(Folder, $"{Target}.wants");
        if (Directory.Exists(wanted))
            File.Delete(Path.Combine(wanted, Unit));
        File.Delete(UnitFile);
        await SystemctlAsync(["daemon-reload"], cancellationToken);
        return true;
    }

    /// <summary>Makes the unit's text.</summary>
    public string Text(IReadOnlyList<string> self)
    {
        string program = $"{SystemdText.Program(self[0])} {string.Concat(self.Skip(1).Select(word => $"{SystemdText.Argument(word)} "))}";
        // What told this command where things are tells it to the one that systemd starts.
        string[] environment =
        [
            .. EnvironmentVariables
                .Places.Where(place => place.Name != "TESTHARNESS_DATA")
                .Select(place => SystemdText.Environment(place.Name, place.Value)),
            DataLine,
        ];
        return $"""
            [Unit]
            Description=Virtual machine {machine.Name} (testvm)

            [Service]
            Type=oneshot
            RemainAfterExit=yes
            {string.Join('\n', environment)}
            ExecStart={program}start {machine.Name}
            ExecStop=-{program}stop {machine.Name}
            # It may have been started by hand.
            SuccessExitStatus={ExitCode.AlreadyRunning}
            TimeoutStopSec={StopLimit}

            [Install]
            WantedBy={Target}

            """;
    }

    private static async Task<(int ExitCode, string Error)> SystemctlAsync(string[] arguments, CancellationToken cancellationToken)
    {
        try
        {
            HelperResult result = await HelperProgram.RunAsync("systemctl", ["--user", .. arguments], null, cancellationToken);
            return (result.ExitCode, result.StandardError.Trim());
        }
        catch (HostNotReadyException e)
        {
            return (127, $"it can't be run: {e.Message}");
        }
    }
}
