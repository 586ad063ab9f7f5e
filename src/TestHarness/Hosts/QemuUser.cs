namespace TestHarness.Hosts;

/// <summary>Whom QEMU runs as: the user of this process, but never root.</summary>
internal static class QemuUser
{
    // nobody and nogroup, on every Linux distribution (user_namespaces(7): the overflow ids).
    private const uint Nobody = 65534;

    public static bool IsOther { get; } = OperatingSystem.IsLinux() && Native.EffectiveUserId() == 0;

    /// <summary>The arguments of setpriv(1) that start a program as that user, to die with the thread that forked it.</summary>
    /// <param name="deviceGroup">A group that another user than ours is put into, for a device that it needs; <see langword="null"/>: none.</param>
    public static IEnumerable<string> SetPrivArguments(uint? deviceGroup) => IsOther
        ? [$"--reuid={Nobody}", $"--regid={Nobody}", deviceGroup is { } group ? $"--groups={group}" : "--clear-groups", "--no-new-privs", "--pdeathsig", "KILL", "--"]
        : ["--no-new-privs", "--pdeathsig", "KILL", "--"];

    /// <summary>Hands a file or folder that we made to that user.</summary>
    public static void Give(string path)
    {
        if (IsOther && Native.ChangeOwner(path, Nobody, Nobody) != 0)
            throw new IOException($"'{path}' could not be handed to the user that QEMU runs as.");
    }
}
