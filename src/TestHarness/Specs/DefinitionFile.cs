using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using TestHarness.Text;

namespace TestHarness.Specs;

/// <summary>
/// Reads and writes files that describe machines, in JSON or YAML; <c>docs/definition.schema.json</c> is what both are like.
/// </summary>
internal static partial class DefinitionFile
{
    private const string Machines = "machines";
    private const long MostBytes = 1024 * 1024;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Reads the machines of a file by their names, in its order.</summary>
    /// <exception cref="ArgumentException">The file has mistakes; all are named.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    public static IReadOnlyDictionary<string, MachineSpec> Read(string path)
    {
        bool isJson = IsJson(path);
        if (new FileInfo(path) is { Exists: true, Length: > MostBytes and var length })
            throw new ArgumentException($"'{path}' has {length} bytes: a definition file has at most {MostBytes}.", nameof(path));
        return Parse(File.ReadAllText(path), isJson, path, Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Reads the machines of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="isJson">Whether it is JSON, and not YAML.</param>
    /// <param name="file">The file that it came from, for messages.</param>
    /// <param name="folder">Where its relative paths begin.</param>
    /// <exception cref="ArgumentException">It has mistakes; all are named.</exception>
    public static IReadOnlyDictionary<string, MachineSpec> Parse(string text, bool isJson, string file, string folder)
    {
        DataNode root;
        try
        {
            root = isJson ? JsonText.Parse(text) : YamlText.Parse(text);
        }
        catch (FormatException e)
        {
            throw new ArgumentException($"The definition file '{file}' is not valid {(isJson ? "JSON" : "YAML")}: {e.Message}", e);
        }

        var machines = new Dictionary<string, MachineSpec>();
        var reader = new DefinitionReader(one => Path.GetFullPath(one, folder));
        IReadOnlyDictionary<string, DataMember> members = reader.Members(root, "");
        reader.RequireKnown(members, "", ["$schema", Machines]);
        if (members.TryGetValue(Machines, out DataMember? all))
        {
            foreach (DataMember machine in reader.Members(all.Value, Machines).Values)
            {
                string place = $"{Machines}.{machine.Name}";
                if (!Name().IsMatch(machine.Name))
                    reader.Note(machine.Line, place, "a machine's name has 1 to 64 letters, digits, dashes and dots");
                DataNode described = machine.Value is DataScalar { IsNull: true } ? new DataMap([], machine.Line) : machine.Value;
                if (reader.ReadRecord(described, typeof(MachineSpec), place) is MachineSpec spec)
                    machines[machine.Name] = spec;
            }
        }

        if (reader.Mistakes.Count > 0)
            throw new ArgumentException(
                $"The definition file '{file}' has {reader.Mistakes.Count} mistake(s):\n  {string.Join("\n  ", reader.Mistakes)}"
            );
        return machines.Count > 0
            ? machines
            : throw new ArgumentException($"The definition file '{file}' has no machine in it: write \"{Machines}\", and a name below it.");
    }

    /// <summary>Writes machines to a file, which appears by a rename.</summary>
    /// <exception cref="InvalidOperationException">A machine's set-up runs code.</exception>
    /// <exception cref="IOException">It can't be written.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, MachineSpec> machines)
    {
        string text = WriteText(machines, IsJson(path)),
            part = $"{path}.testharness-part";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        // Nobody else's to read.
        if (machines.Values.Any(spec => spec.Secrets.Count > 0))
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.Delete(part);
        using (var writer = new StreamWriter(part, options))
            writer.Write(text);
        File.Move(part, path, overwrite: true);
    }

    /// <summary>Writes machines as a text.</summary>
    /// <exception cref="InvalidOperationException">A machine's set-up runs code.</exception>
    public static string WriteText(IReadOnlyDictionary<string, MachineSpec> machines, bool isJson)
    {
        foreach (string name in machines.Keys.Where(name => !Name().IsMatch(name)))
            throw new ArgumentException(
                $"\"{name}\" is no name for a machine: 1 to 64 letters, digits, dashes and dots.",
                nameof(machines)
            );
        var root = new Dictionary<string, object>
        {
            [Machines] = machines.ToDictionary(machine => machine.Key, object (machine) => DefinitionWriter.Write(machine.Value)),
        };
        return isJson ? $"{JsonSerializer.Serialize(root, Json)}\n" : YamlText.Write(root);
    }

    private static bool IsJson(string path) =>
        Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".json" => true,
            ".yaml" or ".yml" => false,
            var other => throw new ArgumentException(
                $"'{path}' has the ending \"{other}\": a definition file has .yaml, .yml or .json.",
                nameof(path)
            ),
        };

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9.-]{0,63}\z")]
    private static partial Regex Name();
}
