namespace TestHarness.Tool;

/// <summary>What <c>testvm</c> ends with. <c>shell</c> ends with the command's own code.</summary>
internal static class ExitCode
{
    public const int Failed = 1;

    /// <summary>The command line has a mistake, or the host lacks something.</summary>
    public const int Usage = 2;

    public const int UnknownMachine = 3;
    public const int AlreadyRunning = 4;
    public const int NotRunning = 5;

    /// <summary>Another command is at work on the machine.</summary>
    public const int Busy = 6;
}
