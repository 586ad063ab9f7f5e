using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;

namespace TestHarness.Specs;

/// <summary>
/// How a record is written in a definition file: by its public members, with the names of C# that begin with a small letter. A new member
/// of a record is a member of the file by itself.
/// </summary>
internal sealed class DefinitionType
{
    private static readonly ConcurrentDictionary<Type, DefinitionType> Known = new();

    private readonly ConstructorInfo _constructor;

    private DefinitionType(Type type)
    {
        Dictionary<string, PropertyInfo> properties = type.GetProperties(
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic
            )
            .Where(property => property.Name != "EqualityContract")
            .ToDictionary(property => property.Name, StringComparer.OrdinalIgnoreCase);
        _constructor = type.GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(constructor => Array.TrueForAll(constructor.GetParameters(), Sets))
            .MaxBy(constructor => constructor.GetParameters().Length)!;
        Members =
        [
            .. _constructor
                .GetParameters()
                .Select(parameter => Member(properties[parameter.Name!], isRequired: !parameter.HasDefaultValue)),
            .. properties
                .Values.Where(property => property.SetMethod is { IsPublic: true } && IsDefinable(property.PropertyType))
                .Where(property => !Array.Exists(_constructor.GetParameters(), parameter => parameter.Name == property.Name))
                .Select(property => Member(property, isRequired: false)),
        ];

        bool Sets(ParameterInfo parameter) =>
            properties.TryGetValue(parameter.Name!, out PropertyInfo? property) && property.PropertyType == parameter.ParameterType;
    }

    /// <summary>The members; those that are required come first.</summary>
    public IReadOnlyList<DefinitionMember> Members { get; }

    /// <summary>The one scalar that is required, which may stand for the whole; or <see langword="null"/>.</summary>
    public DefinitionMember? Single =>
        Members.Where(member => member.IsRequired).ToArray() is [var only] && DefinitionScalars.Are(only.Type) ? only : null;

    public static DefinitionType Of(Type type) => Known.GetOrAdd(type, one => new DefinitionType(one));

    /// <summary>What the items of a list are, or <see langword="null"/> where a type is no list.</summary>
    public static Type? ItemOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : null;

    /// <summary>Tells whether a type is a map of texts.</summary>
    public static bool IsTexts(Type type) => type == typeof(IReadOnlyDictionary<string, string>);

    /// <summary>Makes one.</summary>
    /// <param name="values">The members' values; all that are required, and whichever others.</param>
    public object Create(IReadOnlyDictionary<DefinitionMember, object?> values)
    {
        ParameterInfo[] parameters = _constructor.GetParameters();
        object made = _constructor.Invoke([
            .. parameters.Select(
                (parameter, index) => values.TryGetValue(Members[index], out object? given) ? given : parameter.DefaultValue
            ),
        ]);
        foreach ((DefinitionMember member, object? value) in values)
        {
            if (!Members.Take(parameters.Length).Contains(member))
                member.Property.SetValue(made, value);
        }

        return made;
    }

    private static DefinitionMember Member(PropertyInfo property, bool isRequired) =>
        new(JsonNamingPolicy.CamelCase.ConvertName(property.Name), property, isRequired);

    // A receiver of progress is nothing that a file describes.
    private static bool IsDefinable(Type type) =>
        (Nullable.GetUnderlyingType(type) ?? type) is var plain
        && (
            DefinitionScalars.Are(plain)
            || IsTexts(plain)
            || ItemOf(plain) is not null
            || (plain.Assembly == typeof(DefinitionType).Assembly && plain.IsClass)
        );
}
