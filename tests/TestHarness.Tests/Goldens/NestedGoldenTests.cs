using FluentAssertions;
using TestHarness.Goldens;
using Xunit;

namespace TestHarness.Tests.Goldens;

/// <summary>Goldens of test classes that are inside of others.</summary>
[Collection(nameof(GoldenCollection))]
[Fault(
    "Two test classes that are inside other classes have the same name.",
    "Each one has goldens of its own. A golden with the former name is named, and not used."
)]
public sealed class NestedGoldenTests : IDisposable
{
    private readonly GoldenSandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [Fact]
    public void Two_nested_classes_of_one_name_have_goldens_of_their_own()
    {
        foreach (
            Type type in (Type[])
                [typeof(FirstTests.Inner), typeof(SecondTests.Inner), typeof(GenericTests<int>.Inner.Innermost), typeof(LoginTests)]
        )
        {
            GoldenSandbox.SetMode("missing");
            _sandbox.Run(type.FullName!, testClass: type);
            Golden.Match($"from {type}", "motd");
            GoldenSandbox.SetMode("verify");
            Golden.Match($"from {type}", "motd");
        }

        _sandbox
            .Files.Should()
            .Equal(
                "FirstTests.Inner.Boots.motd.verified.txt",
                "GenericTests.Inner.Innermost.Boots.motd.verified.txt",
                "LoginTests.Boots.motd.verified.txt",
                "SecondTests.Inner.Boots.motd.verified.txt"
            );
    }

    [Fact]
    public void A_golden_by_the_former_name_is_not_used_and_the_failure_says_how_to_rename_it()
    {
        string former = _sandbox.At("Inner.Boots.motd.verified.txt"),
            now = _sandbox.At("FirstTests.Inner.Boots.motd.verified.txt");
        File.WriteAllText(former, "hello\n");
        _sandbox.Run("former", testClass: typeof(FirstTests.Inner));
        Action match = () => Golden.Match("hello", "motd");

        match
            .Should()
            .Throw<GoldenMismatchException>()
            .Which.Message.Should()
            .Contain(
                $"""
                Golden: {now} (there is none)
                Not used: {former}: it lacks the outer class's name, and any class 'Inner' here may have made it. If it is this one's, rename it: git mv '{former}' '{now}'
                """
            );

        File.Move(former, now);
        Golden.Match("hello", "motd");
    }

    [Fact]
    public void Goldens_of_a_nested_class_are_judged_by_its_own_tests()
    {
        GoldenTest outer = _sandbox.Run("outer", testClass: typeof(FirstTests)),
            inner = _sandbox.Run("inner", testClass: typeof(FirstTests.Inner));
        foreach (
            string name in (string[])
                [
                    "FirstTests.Inner.Boots.old.verified.txt",
                    "FirstTests.Gone.Boots.motd.verified.txt",
                    "SecondTests.Inner.Boots.motd.verified.txt",
                ]
        )
            File.WriteAllText(_sandbox.At(name), "");

        Golden.FindUnused([outer]).Should().Equal(_sandbox.At("FirstTests.Gone.Boots.motd.verified.txt"));
        Golden.FindUnused([inner]).Should().Equal(_sandbox.At("FirstTests.Inner.Boots.old.verified.txt"));
    }

    [Fact]
    public void The_sources_speak_of_goldens_of_nested_classes()
    {
        File.WriteAllText(
            _sandbox.At("FirstTests.cs"),
            "class FirstTests { class Inner { public Inner() { } void Boots() { Golden.Match(x, \"motd\"); } } }"
        );
        foreach (
            string name in (string[])
                [
                    "FirstTests.Inner.Boots.motd.verified.txt",
                    "FirstTests.Inner.Boots.motd.tiny.verified.txt",
                    "FirstTests.Inner.Went.motd.verified.txt",
                    "FirstTests.Gone.Boots.motd.verified.txt",
                ]
        )
            File.WriteAllText(_sandbox.At(name), "");

        GoldenSources
            .FindUnknown(_sandbox.Folder)
            .Select(golden => $"{Path.GetFileName(golden.File)}: {golden.Reason}")
            .Should()
            .Equal("FirstTests.Gone.Boots.motd.verified.txt: no method Gone", "FirstTests.Inner.Went.motd.verified.txt: no method Went");
    }
}

internal sealed class FirstTests
{
    internal sealed class Inner
    {
        public static void Boots() { }
    }
}

internal sealed class SecondTests
{
    internal sealed class Inner;
}

internal sealed class GenericTests<T>
{
    internal sealed class Inner
    {
        internal sealed class Innermost;
    }
}
