using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Xunit;

/// <summary>A run that is followed, and whose evidence is kept, whatever the result.</summary>
public sealed class FollowedRun : SampleRun
{
    protected override string Filter => "FullyQualifiedName~FixtureTests.Passes|FullyQualifiedName~Fails_with_secrets";

    protected override IEnumerable<string> Switches => ["TESTHARNESS_FOLLOW", "TESTHARNESS_KEEP"];
}

/// <summary>Lines of machines in the test's output and at the terminal, while they come.</summary>
public sealed class FollowTests(FollowedRun run) : IClassFixture<FollowedRun>
{
    [Fact]
    public void Shows_serial_lines_and_command_output_with_the_machines_name()
    {
        run.OutputOf("Fails_with_secrets_and_files").Should().MatchRegex("(?m)^tiny-[0-9]+ \\| hello from a command$");
        run.Output.Should()
            .MatchRegex("(?m)^tiny-[0-9]+ \\| hello from a command$")
            .And.MatchRegex("(?m)^tiny-[0-9]+ \\| .*Linux version 6");
    }

    [Fact]
    public void Masks_the_lines()
    {
        run.Output.Should().MatchRegex("(?m)^tiny-[0-9]+ \\| \\*\\*\\*$").And.NotContain("battery").And.NotContain("tr0ub4dor");
        File.ReadAllText(run.ResultsFile).Should().NotContain("battery").And.NotContain("tr0ub4dor");
    }

    [Fact]
    public void Keeps_evidence_of_a_test_that_passes_where_that_is_asked_for()
    {
        File.Exists(Path.Combine(run.BundleOf("Passes")!, "serial.log")).Should().BeTrue();
        run.AttachmentsOf("Passes").Should().BeEmpty();
    }
}
