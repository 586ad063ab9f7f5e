using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests;

/// <summary>
/// What users can name is a file beside this test, so that a change of it is seen in review. After an intended change, move the received file over the verified one.
/// </summary>
public sealed class PublicSurfaceTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    [Fact]
    public async Task Is_what_was_agreed_on()
    {
        string verified = Path.ChangeExtension(Source(), $"{nameof(Is_what_was_agreed_on)}.verified.txt");
        string received = verified.Replace(".verified.", ".received.", StringComparison.Ordinal);
        string surface = string.Join('\n', typeof(VirtualMachine).Assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal).Select(Describe));

        if (!File.Exists(verified) || await File.ReadAllTextAsync(verified, TestContext.Current.CancellationToken) != surface)
        {
            await File.WriteAllTextAsync(received, surface, TestContext.Current.CancellationToken);
            string before = File.Exists(verified) ? await File.ReadAllTextAsync(verified, TestContext.Current.CancellationToken) : "";
            surface.Split('\n').Except(before.Split('\n')).Should().BeEmpty($"these are new; if that is meant, mv '{received}' '{verified}'");
            before.Split('\n').Except(surface.Split('\n')).Should().BeEmpty($"these are gone; if that is meant, mv '{received}' '{verified}'");
            surface.Should().Be(before);
        }

        File.Delete(received);
    }

    private static string Source([CallerFilePath] string path = "") => path;

    private static string Describe(Type type)
    {
        var text = new StringBuilder($"{Kind(type)} {Name(type)}{(type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum) ? $" : {Name(parent)}" : "")}\n");
        foreach (string member in type.GetMembers(Declared).Where(IsVisible).Select(Describe).Order(StringComparer.Ordinal))
            text.Append("    ").Append(member).Append('\n');
        return text.ToString();
    }

    private static string Kind(Type type) => type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct"
        : type is { IsAbstract: true, IsSealed: true } ? "static class" : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";

    // Accessors belong to their property; what the compiler adds to a record is the same for each.
    private static bool IsVisible(MemberInfo member) => !member.IsDefined(typeof(CompilerGeneratedAttribute)) && member switch
    {
        MethodInfo { IsSpecialName: true } => false,
        MethodBase method => method.IsPublic || method.IsFamily,
        FieldInfo field => field.IsPublic && !field.IsSpecialName,
        PropertyInfo property => property.GetMethod is { } get && (get.IsPublic || get.IsFamily),
        EventInfo happening => happening.AddMethod!.IsPublic,
        _ => false,
    };

    private static string Describe(MemberInfo member) => member switch
    {
        FieldInfo { IsLiteral: true } field => $"{field.Name} = {field.GetRawConstantValue()}",
        FieldInfo field => $"{Name(field.FieldType)} {field.Name}",
        PropertyInfo property => $"{Name(property.PropertyType)} {property.Name} {{ get;{(property.SetMethod is { IsPublic: true } ? " set;" : "")} }}",
        EventInfo happening => $"event {Name(happening.EventHandlerType!)} {happening.Name}",
        ConstructorInfo constructor => $"new({Parameters(constructor)})",
        MethodInfo method => $"{(method.IsStatic ? "static " : "")}{Name(method.ReturnType)} {method.Name}({Parameters(method)})",
        _ => member.Name,
    };

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
        $"{Name(parameter.ParameterType)} {parameter.Name}{(parameter.HasDefaultValue ? " = default" : "")}"));

    private static string Name(Type type) => !type.IsGenericType ? type.Name
        : $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
}
