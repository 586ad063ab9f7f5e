using System.Diagnostics;

namespace TestHarness.Hosts;

/// <summary>The environment of every program of the host that the library starts.</summary>
internal static class HelperEnvironment
{
    // What they print is read.
    private const string Locale = "C.UTF-8";

    /// <summary>
    /// Gives a helper program what <see cref="EnvironmentVariables.ForHelpers"/> has, and nothing else but <paramref name="further"/>.
    /// </summary>
    public static void Give(ProcessStartInfo start, IReadOnlyDictionary<string, string>? further = null)
    {
        start.Environment.Clear();
        foreach ((string name, string value) in EnvironmentVariables.ForHelpers)
            start.Environment[name] = value;
        start.Environment["LC_ALL"] = Locale;
        foreach ((string name, string value) in further ?? new Dictionary<string, string>())
            start.Environment[name] = value;
    }

    /// <summary>
    /// Gives QEMU the caller's, for <see cref="MachineSpec.QemuPath"/> may be a script that needs it; but for what changes QEMU itself
    /// (<c>QEMU_AUDIO_DRV</c> and the like, except where its modules are) and the language.
    /// </summary>
    public static void GiveToQemu(ProcessStartInfo start)
    {
        foreach (string name in start.Environment.Keys.Where(IsForQemuAlone).ToArray())
            start.Environment.Remove(name);
        start.Environment["LC_ALL"] = Locale;
    }

    private static bool IsForQemuAlone(string name) =>
        (name.StartsWith("QEMU_", StringComparison.Ordinal) && name != "QEMU_MODULE_DIR")
        || name.StartsWith("LC_", StringComparison.Ordinal)
        || name is "LANG" or "LANGUAGE";
}
