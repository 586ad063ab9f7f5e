namespace TestHarness.Goldens;

/// <summary>
/// What goldens call a test's class. One that is inside of others has their names before its own, as Verify has it: two of one name don't
/// share their goldens.
/// </summary>
internal static class GoldenClassName
{
    public static string Of(Type type) => type.DeclaringType is { } outer ? $"{Of(outer)}.{Own(type)}" : Own(type);

    /// <summary>The name alone, without the number of type parameters.</summary>
    public static string Own(Type type) => type.Name.Split('`')[0];
}
