namespace TestHarness.Images;

/// <summary>What <c>modules.dep</c> says (depmod(8)): which kernel modules a module needs.</summary>
internal sealed class ModuleDependencies
{
    private readonly Dictionary<string, string> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string[]> _needs = new(StringComparer.Ordinal);

    private ModuleDependencies() { }

    public static ModuleDependencies Parse(string modulesDep)
    {
        var dependencies = new ModuleDependencies();
        foreach (string line in modulesDep.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
                continue;
            string file = line[..colon];
            dependencies._files[NameOf(file)] = file;
            dependencies._needs[file] = line[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }

        return dependencies;
    }

    /// <summary>Returns the files of the modules and of all that they need, each once and after what it needs.</summary>
    /// <param name="modules">Names, <c>-</c> and <c>_</c> being the same.</param>
    /// <param name="unknown">The names that the kernel has no module for.</param>
    public IReadOnlyList<string> InLoadOrder(IEnumerable<string> modules, out IReadOnlyList<string> unknown)
    {
        var order = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var missing = new List<string>();
        foreach (string module in modules)
        {
            if (_files.TryGetValue(Normalise(module), out string? file))
                Add(file);
            else
                missing.Add(module);
        }

        unknown = missing;
        return order;

        void Add(string file)
        {
            if (!seen.Add(file))
                return;
            foreach (string needed in _needs.GetValueOrDefault(file, []))
                Add(needed);
            order.Add(file);
        }
    }

    private static string NameOf(string file)
    {
        string name = file[(file.LastIndexOf('/') + 1)..];
        int suffix = name.IndexOf(".ko", StringComparison.Ordinal);
        return Normalise(suffix > 0 ? name[..suffix] : name);
    }

    private static string Normalise(string name) => name.Replace('-', '_');
}
