using TestHarness.Text;

namespace TestHarness.Specs;

/// <summary>
/// Makes records of what a definition file says, and notes every mistake with its line in place of stopping at the first. A member that is
/// not known is one, too.
/// </summary>
/// <param name="findPath">Says where a path of the file leads.</param>
internal sealed class DefinitionReader(Func<string, string> findPath)
{
    private const int LongestShown = 60;

    private readonly List<string> _mistakes = [];

    public IReadOnlyList<string> Mistakes => _mistakes;

    /// <summary>Reads the members of a map by name; each is read by the caller.</summary>
    /// <param name="node">The map.</param>
    /// <param name="path">Where it is.</param>
    public IReadOnlyDictionary<string, DataMember> Members(DataNode node, string path)
    {
        if (node is not DataMap map)
        {
            Note(node.Line, path, $"{Show(node)} is not a group of members");
            return new Dictionary<string, DataMember>();
        }

        foreach (IGrouping<string, DataMember> twice in map.Members.GroupBy(member => member.Name).Where(group => group.Count() > 1))
            Note(twice.Last().Line, Below(path, twice.Key), "is there twice");
        return map.Members.DistinctBy(member => member.Name).ToDictionary(member => member.Name);
    }

    /// <summary>Notes the members that nobody knows.</summary>
    public void RequireKnown(IReadOnlyDictionary<string, DataMember> members, string path, IReadOnlyCollection<string> known)
    {
        foreach (DataMember other in members.Values.Where(member => !known.Contains(member.Name)))
            Note(other.Line, Below(path, other.Name), $"is not a member here; known are {string.Join(", ", known)}");
    }

    public void Note(int line, string path, string mistake) =>
        _mistakes.Add(FormattableString.Invariant($"line {line}, {path}: {mistake}"));

    /// <summary>Reads a record; <see langword="null"/> where it has a mistake.</summary>
    public object? ReadRecord(DataNode node, Type type, string path)
    {
        DefinitionType form = DefinitionType.Of(type);
        if (node is DataScalar && form.Single is { } single)
            return ReadValue(node, single, path) is { } only
                ? form.Create(new Dictionary<DefinitionMember, object?> { [single] = only })
                : null;
        IReadOnlyDictionary<string, DataMember> members = Members(node, path);
        RequireKnown(members, path, [.. form.Members.Select(member => member.Name)]);
        var values = new Dictionary<DefinitionMember, object?>();
        Fill(values, form.Members, members, path, node.Line);
        return form.Members.All(member => !member.IsRequired || values.ContainsKey(member)) ? form.Create(values) : null;
    }

    /// <summary>Reads the steps of a set-up; of use where there is no mistake.</summary>
    public IReadOnlyList<SetupStep> ReadSteps(DataNode node, string path) => ReadList(node, typeof(SetupStep), path) as SetupStep[] ?? [];

    private void Fill(
        Dictionary<DefinitionMember, object?> values,
        IEnumerable<DefinitionMember> wanted,
        IReadOnlyDictionary<string, DataMember> members,
        string path,
        int line
    )
    {
        foreach (DefinitionMember member in wanted)
        {
            if (members.TryGetValue(member.Name, out DataMember? given) && given.Value is not DataScalar { IsNull: true })
            {
                if (ReadValue(given.Value, member, Below(path, member.Name)) is { } value)
                    values[member] = value;
            }
            else if (member.IsRequired)
            {
                Note(line, Below(path, member.Name), "is missing");
            }
        }
    }

    private object? ReadValue(DataNode node, DefinitionMember member, string path) =>
        ReadValue(node, member.Type, path) is var value && value is string text && member.HostPath is { } host
            ? host.Resolve(text, findPath)
            : value;

    private object? ReadValue(DataNode node, Type type, string path)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        if (plain == typeof(SetupStep))
            return ReadStep(node, path);
        if (DefinitionType.ItemOf(plain) is { } item)
            return ReadList(node, item, path);
        if (DefinitionType.IsTexts(plain))
            return ReadTexts(node, path);
        if (!DefinitionScalars.Are(plain))
            return ReadRecord(node, plain, path);
        if (node is DataScalar scalar && DefinitionScalars.TryRead(plain, scalar) is { } value)
            return value;
        Note(node.Line, path, $"{Show(node)} is not {DefinitionScalars.Describe(plain)}");
        return null;
    }

    private Array? ReadList(DataNode node, Type item, string path)
    {
        if (node is not DataList list)
        {
            Note(node.Line, path, $"{Show(node)} is not a list");
            return null;
        }

        object?[] read = [.. list.Items.Select((one, index) => ReadValue(one, item, FormattableString.Invariant($"{path}[{index}]")))];
        var items = Array.CreateInstance(item, read.Length);
        // What is null has been noted, and nobody gets the list.
        for (int i = 0; i < read.Length; i++)
            items.SetValue(read[i] ?? items.GetValue(i), i);
        return items;
    }

    private Dictionary<string, string> ReadTexts(DataNode node, string path)
    {
        var texts = new Dictionary<string, string>();
        foreach (DataMember member in Members(node, path).Values)
        {
            if (ReadValue(member.Value, typeof(string), Below(path, member.Name)) is string text)
                texts[member.Name] = text;
        }

        return texts;
    }

    private object? ReadStep(DataNode node, string path)
    {
        IReadOnlyDictionary<string, DataMember> members = Members(node, path);
        StepForm[] forms = [.. StepForm.All.Where(form => members.ContainsKey(form.Name))];
        if (forms is not [var form])
        {
            if (node is DataMap)
                Note(
                    node.Line,
                    path,
                    forms.Length == 0
                        ? $"says not which step it is; known are {string.Join(", ", StepForm.All.Select(one => one.Name))}"
                        : $"is several steps ({string.Join(", ", forms.Select(one => one.Name))}): each is an item of its own"
                );
            return null;
        }

        RequireKnown(members, path, [form.Name, .. form.Others.Select(member => member.Name)]);
        var values = new Dictionary<DefinitionMember, object?>();
        Fill(values, form.Others, members, path, node.Line);
        DefinitionType type = DefinitionType.Of(form.Type);
        foreach (DefinitionMember kind in type.Members.Where(member => member.Property.Name == nameof(WaitStep.Kind)))
            values[kind] = form.Wait;
        if (ReadSubject(members[form.Name].Value, form, Below(path, form.Name)) is { } subject && form.SubjectMember is { } about)
            values[about] = subject;
        return type.Members.All(member => !member.IsRequired || values.ContainsKey(member)) ? type.Create(values) : null;
    }

    private object? ReadSubject(DataNode node, StepForm form, string path)
    {
        object? value = ReadValue(node, form.SubjectType, path);
        if (form.Subject is null && value is false)
            Note(node.Line, path, "is false: leave the step out");
        return value switch
        {
            int port => FormattableString.Invariant($"{port}"),
            string text when form.SubjectMember?.HostPath is { } host => host.Resolve(text, findPath),
            _ => value,
        };
    }

    private static string Below(string path, string member) => path.Length == 0 ? member : $"{path}.{member}";

    private static string Show(DataNode node) =>
        node switch
        {
            DataScalar { IsNull: true } => "nothing",
            DataScalar { Text: var text, IsQuoted: var quoted } => quoted ? $"\"{Shortened(text)}\"" : Shortened(text),
            DataList => "a list",
            _ => "a group of members",
        };

    private static string Shortened(string text) =>
        PrintableText.Of(text.Length <= LongestShown ? text : $"{text[..LongestShown]}…").ReplaceLineEndings(" ");
}
