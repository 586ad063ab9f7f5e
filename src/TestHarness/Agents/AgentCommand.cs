namespace TestHarness.Agents;

/// <summary>
/// A command for the guest. The first argument is the program; a name without a slash is looked up on the command's PATH.
/// </summary>
internal sealed record AgentCommand(IReadOnlyList<string> Arguments)
{
    /// <summary>Variables added to the base environment (PATH, HOME, USER, LOGNAME, SHELL, LANG; TERM on a terminal).</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Default: the user's home, or <c>/</c>.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Default: whom the agent runs as, which is root.</summary>
    public string? User { get; init; }

    /// <summary>
    /// False: its standard input is <c>/dev/null</c>, on a terminal the end of a file. Default: true, whoever runs it writes or closes it.
    /// </summary>
    public bool TakesInput { get; init; } = true;

    /// <summary>Runs it on a new terminal of this size; standard output then carries all, and standard error nothing.</summary>
    public AgentTerminal? Terminal { get; init; }
}

/// <summary>The size of a terminal.</summary>
internal sealed record AgentTerminal(int Columns, int Rows);

/// <summary>How a command ended: one of the two is set.</summary>
internal sealed record AgentExit(int? ExitCode, int? Signal)
{
    /// <summary>The exit code as a shell would give it: 128 and the signal, for a command that a signal ended.</summary>
    public int ShellExitCode => ExitCode ?? 128 + Signal.GetValueOrDefault();
}

/// <summary>What the agent said of itself when it came in step.</summary>
/// <param name="ProtocolVersion">Its protocol.</param>
/// <param name="ProcessId">Its process in the guest.</param>
/// <param name="Name">Name and version.</param>
/// <param name="Restarts">How often on this connection an agent said that it is new: at a boot, a reboot, or when it was started
/// again.</param>
internal sealed record AgentHello(int ProtocolVersion, int ProcessId, string Name, int Restarts);

/// <summary>What the agent made of clock, random state, host name and cards: 0, or the errno with which it was refused.</summary>
internal sealed record AgentSettled(int ClockError, int RandomError, int HostNameError, DateTimeOffset Clock)
{
    public int NetworksError { get; init; }

    /// <summary>The cards' names in the guest with blanks between them, or what failed.</summary>
    public string Networks { get; init; } = "";

    public bool Succeeded => (ClockError | RandomError | HostNameError | NetworksError) == 0;
}

/// <summary>How to end the guest: ask its init, or at once (sync, then reboot(2)).</summary>
internal enum AgentPower
{
    PowerOff,
    Reboot,
    PowerOffAtOnce,
    RebootAtOnce,
}
