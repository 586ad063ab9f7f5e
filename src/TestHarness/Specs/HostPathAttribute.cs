namespace TestHarness.Specs;

/// <summary>Marks what names a file of the host's: in a definition file it begins at that file's folder.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class HostPathAttribute : Attribute
{
    private static readonly string[] DiskEndings = [".qcow2", ".raw", ".img"];

    /// <summary>Gets a value indicating whether it may be a name, too, which has no slash in it.</summary>
    public bool OrName { get; init; }

    /// <summary>Makes a path absolute; a name and an address stay as they are.</summary>
    /// <param name="value">What the member says.</param>
    /// <param name="find">Says where a path leads.</param>
    public string Resolve(string value, Func<string, string> find) =>
        value.Length == 0 || (OrName && IsName(value)) || value.Contains("://", StringComparison.Ordinal) ? value : find(value);

    private static bool IsName(string value) =>
        !value.Contains('/', StringComparison.Ordinal)
        && !Array.Exists(DiskEndings, ending => value.EndsWith(ending, StringComparison.OrdinalIgnoreCase));
}
