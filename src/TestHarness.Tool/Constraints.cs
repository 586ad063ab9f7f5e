using System.Globalization;

namespace TestHarness.Tool;

/// <summary>Sizes in one word list: <c>mem=2G cores=2 arch=amd64</c>.</summary>
internal sealed record Constraints(int? MemoryMiB, int? Cpus, IReadOnlyList<string> Warnings)
{
    private const int LeastMemoryMiB = 64;

    /// <exception cref="ToolException">A value is none, or below the minimum.</exception>
    public static Constraints Parse(string text)
    {
        int? memory = null,
            cpus = null;
        List<string> warnings = [];
        foreach (string word in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = word.Split('=', 2);
            string value =
                parts.Length == 2
                    ? parts[1]
                    : throw new ToolException(ExitCode.Usage, $"--constraints has \"{word}\": write NAME=VALUE, as in mem=2G cores=2.");
            switch (parts[0])
            {
                case "mem":
                    memory = Sizes.Mebibytes(value, "The constraint mem");
                    if (memory < LeastMemoryMiB)
                        throw new ToolException(ExitCode.Usage, $"The constraint mem is {value}: the minimum is {LeastMemoryMiB}M.");
                    break;
                case "cores":
                    cpus =
                        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int cores) && cores > 0
                            ? cores
                            : throw new ToolException(ExitCode.Usage, $"The constraint cores is {value}: the minimum is 1.");
                    break;
                case "arch" when value == "amd64":
                    break;
                case "arch":
                    throw new ToolException(ExitCode.Usage, $"The constraint arch is {value}: images are for amd64.");
                default:
                    warnings.Add($"warning: the constraint {parts[0]} is not known, and has no effect (known: mem, cores, arch).");
                    break;
            }
        }

        return new Constraints(memory, cpus, warnings);
    }
}
