namespace TestHarness.Hosts;

/// <summary>Checks folders with a name that others know, where everybody may write: somebody else may have been first.</summary>
internal static class OwnFolder
{
    /// <summary>Returns why a folder is not this user's alone, as a clause; <see langword="null"/> where it is.</summary>
    public static string? FindFault(string folder)
    {
        if (Native.StatusOfItself(folder) is not { IsFolder: true } status || status.User != Native.EffectiveUserId())
            return "it is not a folder of this process's user";
        return (File.GetUnixFileMode(folder) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0 ? "others may write to it" : null;
    }
}
