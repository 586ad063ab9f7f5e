using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.Tests;

/// <summary>
/// What users can name is a file beside this test, so that a change of it is seen in review. After an intended change, move the received
/// file over the one beside it.
/// </summary>
public sealed class PublicSurfaceTests
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private readonly NullabilityInfoContext _nullability = new();

    [Theory]
    [InlineData(typeof(VirtualMachine))]
    [InlineData(typeof(VirtualMachineFixture))]
    [InlineData(typeof(TestHarnessAssertionExtensions))]
    public async Task Is_what_was_agreed_on(Type inLibrary)
    {
        Assembly library = inLibrary.Assembly;
        string agreed = Path.Combine(Path.GetDirectoryName(Source())!, $"PublicSurface.{library.GetName().Name}.txt");
        string received = Path.ChangeExtension(agreed, "received.txt");
        string surface = string.Join(
            '\n',
            library
                .GetExportedTypes()
                .Where(type => !IsCompilers(type))
                .OrderBy(type => type.FullName, StringComparer.Ordinal)
                .Select(Describe)
        );

        string before = File.Exists(agreed) ? await File.ReadAllTextAsync(agreed, TestContext.Current.CancellationToken) : "";
        if (before != surface)
        {
            await File.WriteAllTextAsync(received, surface, TestContext.Current.CancellationToken);
            surface.Split('\n').Except(before.Split('\n')).Should().BeEmpty($"these are new; if that is meant, mv '{received}' '{agreed}'");
            before
                .Split('\n')
                .Except(surface.Split('\n'))
                .Should()
                .BeEmpty($"these are gone; if that is meant, mv '{received}' '{agreed}'");
            surface.Should().Be(before);
        }

        File.Delete(received);
    }

    private static string Source([CallerFilePath] string path = "") => path;

    // What the compiler makes of an extension block.
    private static bool IsCompilers(Type type) => type.FullName!.Contains('<', StringComparison.Ordinal);

    private string Describe(Type type)
    {
        var text = new StringBuilder($"{Kind(type)} {Name(type)}{Parent(type)}\n");
        foreach (string member in type.GetMembers(Declared).Where(IsVisible).Select(Describe).Order(StringComparer.Ordinal))
            text.Append("    ").Append(member).Append('\n');
        return text.ToString();
    }

    private static string Parent(Type type) =>
        type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum)
            ? $" : {Name(parent)}"
            : "";

    private static string Kind(Type type) =>
        type.IsEnum ? "enum"
        : type.IsInterface ? "interface"
        : type.IsValueType ? "struct"
        : type is { IsAbstract: true, IsSealed: true } ? "static class"
        : type.IsAbstract ? "abstract class"
        : type.IsSealed ? "sealed class"
        : "class";

    // Accessors belong to their property; what the compiler adds to a record is the same for each.
    private static bool IsVisible(MemberInfo member) =>
        !member.IsDefined(typeof(CompilerGeneratedAttribute))
        && member switch
        {
            MethodInfo { IsSpecialName: true } => false,
            MethodBase method => method.IsPublic || method.IsFamily,
            FieldInfo field => field.IsPublic && !field.IsSpecialName,
            PropertyInfo property => property.GetMethod is { } get && (get.IsPublic || get.IsFamily),
            EventInfo happening => happening.AddMethod!.IsPublic,
            _ => false,
        };

    private string Describe(MemberInfo member) =>
        member switch
        {
            FieldInfo { IsLiteral: true } field => $"{field.Name} = {field.GetRawConstantValue()}",
            FieldInfo field => $"{Name(_nullability.Create(field))} {field.Name}",
            PropertyInfo property => $"{Name(_nullability.Create(property))} {property.Name} {{ "
                + $"get;{(property.SetMethod is { IsPublic: true } ? " set;" : "")} }}",
            EventInfo happening => $"event {Name(_nullability.Create(happening))} {happening.Name}",
            ConstructorInfo constructor => $"new({Parameters(constructor)})",
            MethodInfo method => $"{(method.IsStatic ? "static " : "")}{Name(_nullability.Create(method.ReturnParameter))} "
                + $"{method.Name}({Parameters(method)})",
            _ => member.Name,
        };

    private string Parameters(MethodBase method) =>
        string.Join(
            ", ",
            method
                .GetParameters()
                .Select(parameter =>
                    $"{Name(_nullability.Create(parameter))} {parameter.Name}{(parameter.HasDefaultValue ? " = default" : "")}"
                )
        );

    private static string Name(NullabilityInfo info)
    {
        string mark = info.ReadState == NullabilityState.Nullable && !info.Type.IsValueType ? "?" : "";
        return info.ElementType is { } element ? $"{Name(element)}[]{mark}"
            : Nullable.GetUnderlyingType(info.Type) is { } value ? $"{Name(value)}?"
            : info.GenericTypeArguments.Length == 0 ? $"{Name(info.Type)}{mark}"
            : $"{info.Type.Name.Split('`')[0]}<{string.Join(", ", info.GenericTypeArguments.Select(Name))}>{mark}";
    }

    private static string Name(Type type) =>
        !type.IsGenericType ? type.Name : $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
}
