using System.Reflection;

namespace TestHarness.Specs;

/// <summary>A member of something that a definition file describes.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Property">The property.</param>
/// <param name="IsRequired">Whether there is none of it without this member.</param>
internal sealed record DefinitionMember(string Name, PropertyInfo Property, bool IsRequired)
{
    public Type Type => Property.PropertyType;

    /// <summary>What tells that it is a path of the host's, or <see langword="null"/>.</summary>
    public HostPathAttribute? HostPath { get; } = Property.GetCustomAttribute<HostPathAttribute>();
}
