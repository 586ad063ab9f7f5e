using System.Collections;
using System.Globalization;

namespace TestHarness.Specs;

/// <summary>Says what a record is, as a definition file has it; what is as by default is left out.</summary>
internal static class DefinitionWriter
{
    /// <summary>Returns the members: texts, numbers, flags, lists and groups of members.</summary>
    /// <param name="record">The record.</param>
    /// <exception cref="InvalidOperationException">It has a step that runs a program's own code.</exception>
    public static Dictionary<string, object> Write(object record)
    {
        var members = new Dictionary<string, object>();
        AddOthers(members, record, DefinitionType.Of(record.GetType()).Members);
        return members;
    }

    private static void AddOthers(Dictionary<string, object> members, object record, IEnumerable<DefinitionMember> wanted)
    {
        DefinitionType type = DefinitionType.Of(record.GetType());
        object plain = type.Create(
            type.Members.Where(member => member.IsRequired).ToDictionary(member => member, member => member.Property.GetValue(record))
        );
        foreach (DefinitionMember member in wanted)
        {
            object? value = member.Property.GetValue(record),
                absent = member.Property.GetValue(plain);
            if (value is null || (!member.IsRequired && IsSame(value, absent)))
                continue;
            object written = ValueOf(value, member);
            // What it has of a default is not told either.
            if (member.IsRequired || absent is null || written is not Dictionary<string, object> { Count: 0 })
                members[member.Name] = written;
        }
    }

    private static bool IsSame(object value, object? absent) =>
        Equals(value, absent) || (value is not string && value is IEnumerable items && !items.Cast<object>().Any());

    private static object ValueOf(object value, DefinitionMember member) =>
        value is string path && member.HostPath is { } host
            ? host.Resolve(path, one => OwnPath.Find(one, Path.Exists))
            : ValueOf(value, member.Type);

    private static object ValueOf(object value, Type type)
    {
        if (DefinitionScalars.Are(type))
            return DefinitionScalars.Write(value);
        return value switch
        {
            IReadOnlyDictionary<string, string> texts => texts.ToDictionary(text => text.Key, object (text) => text.Value),
            IEnumerable items => items.Cast<object>().Select(ItemOf).ToList(),
            _ => Write(value),
        };
    }

    private static object ItemOf(object item)
    {
        if (item is SetupStep step)
            return StepOf(step);
        if (DefinitionScalars.Are(item.GetType()))
            return DefinitionScalars.Write(item);
        Dictionary<string, object> members = Write(item);
        return DefinitionType.Of(item.GetType()).Single is { } single && members.Count == 1 ? members[single.Name] : members;
    }

    private static Dictionary<string, object> StepOf(SetupStep step)
    {
        StepForm form = StepForm.Of(step)
            ?? throw new InvalidOperationException(
                $"The step \"{step.Title}\" runs code of the program's, which no file can have in it: write it as commands "
                    + $"({nameof(SetupStep)}.{nameof(SetupStep.Run)})."
            );
        object subject =
            form.SubjectMember is not { } about ? true
            : form.Wait == WaitKind.Port ? int.Parse((string)about.Property.GetValue(step)!, CultureInfo.InvariantCulture)
            : ValueOf(about.Property.GetValue(step)!, about);
        var members = new Dictionary<string, object> { [form.Name] = subject };
        AddOthers(members, step, form.Others);
        return members;
    }
}
