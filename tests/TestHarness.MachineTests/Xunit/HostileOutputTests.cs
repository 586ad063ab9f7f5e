using System.Text;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Xunit;

/// <summary>
/// What a guest printed to act on a terminal, a CI log or an XML file is shown by the failed tests' results, and acts nowhere.
/// </summary>
[Fault(
    "The guest prints escape sequences, CI commands, NUL, broken UTF-8 or bidi overrides.",
    "They are shown and have no effect, neither on a terminal nor in a TRX file.",
    "PrintableTextTests"
)]
public sealed class HostileOutputTests(HostileRun sample) : IClassFixture<HostileRun>
{
    private const string InCommand = "Fails_after_hostile_output_of_a_command";
    private const string OnConsole = "Fails_after_hostile_output_on_the_console";

    public static TheoryData<string> Places => [InCommand, OnConsole];

    [Theory, MemberData(nameof(Places))]
    public void Is_shown_in_the_result(string test)
    {
        string shown = test == InCommand ? sample.MessageOf(test) : sample.OutputOf(test);

        shown
            .Should()
            .Contain(@"begin red \x1b]8;;http://evil\x1b\link \x1b]52;c;cm0=\x07")
            .And.Contain(@"ok\x0dnot ok")
            .And.Contain(@"\::set-env name=X::y")
            .And.Contain(@"\::error::z")
            .And.Contain(@"#\#vso[task.x]")
            .And.Contain(@"#\#[x]")
            .And.Contain(@"#\#teamcity[x]")
            .And.Contain("nul \\x00 c1 \\x9b bad \ufffd rtl \\u202e end");
        AssertHarmless(shown);
    }

    [Fact]
    public void Does_not_act_in_what_the_test_run_prints()
    {
        sample.Output.Should().Contain(@"begin red \x1b]8");
        AssertHarmless(sample.Output);
    }

    [Fact]
    public void Does_not_act_in_the_TRX_file() => AssertHarmless(sample.TrxText);

    [Fact]
    public void Is_kept_as_it_was_in_the_attached_log()
    {
        string log = sample.AttachmentsOf(OnConsole).Single(file => file.EndsWith("serial-log.txt", StringComparison.Ordinal));

        Encoding
            .UTF8.GetString(File.ReadAllBytes(log))
            .Should()
            .Contain("begin \u001b[31mred\u001b[0m")
            .And.Contain("\n::set-env name=X::y\n")
            .And.Contain("nul \0 c1 \u009b");
    }

    private static void AssertHarmless(string text)
    {
        text.Where(character => char.IsControl(character) && character is not ('\r' or '\n' or '\t')).Should().BeEmpty();
        text.Should().NotContain("\u202e").And.NotContain("##vso[").And.NotContain("##[").And.NotContain("##teamcity[");
        text.Split('\n').Where(line => line.TrimStart().StartsWith("::", StringComparison.Ordinal)).Should().BeEmpty();
    }
}

/// <summary>One run of the tests on a hostile guest.</summary>
public sealed class HostileRun : SampleRun
{
    protected override string Filter => "FullyQualifiedName~Hostile";
}
