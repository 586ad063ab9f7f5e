using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;

namespace TestHarness.Specs;

/// <summary>
/// Finds members that are <see langword="null"/> though their type says they never are, as a project without nullable reference types can
/// make them. Pure.
/// </summary>
internal static class NullMembers
{
    private static readonly ConcurrentDictionary<Type, (PropertyInfo Property, bool MayBeNull)[]> Known = new();

    /// <summary>Gets their paths, such as <c>Disks[1].Name</c>.</summary>
    /// <param name="spec">What is looked at, with all that it consists of.</param>
    public static IEnumerable<string> In(object spec) => In(spec, "");

    private static IEnumerable<string> In(object one, string path)
    {
        foreach ((PropertyInfo property, bool mayBeNull) in Known.GetOrAdd(one.GetType(), Describe))
        {
            object? value = property.GetValue(one);
            foreach (string member in Of(value, mayBeNull, path.Length == 0 ? property.Name : $"{path}.{property.Name}"))
                yield return member;
        }
    }

    private static IEnumerable<string> Of(object? value, bool mayBeNull, string path) =>
        value switch
        {
            null => mayBeNull ? [] : [path],
            string or IDictionary => [],
            IEnumerable items => items.Cast<object?>().SelectMany((item, index) => Of(item, mayBeNull: false, $"{path}[{index}]")),
            _ => value.GetType().Assembly == typeof(NullMembers).Assembly ? In(value, path) : [],
        };

    private static (PropertyInfo, bool)[] Describe(Type type)
    {
        var nullability = new NullabilityInfoContext();
        return
        [
            .. from property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            where property.GetIndexParameters().Length == 0
            select (property, nullability.Create(property).ReadState != NullabilityState.NotNull),
        ];
    }
}
