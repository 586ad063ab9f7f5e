using System.Xml.Linq;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Xunit;

/// <summary>Runs tests that fail on purpose and reads their results back from the TRX file.</summary>
public sealed class EvidenceTests(SampleRun sample) : IClassFixture<SampleRun>
{
    private static readonly string[] Kinds = ["serial-log.txt", "qemu-stderr.txt", "command-line.txt", "repro.sh.txt", "screen.png"];

    [Theory]
    [InlineData("Fails_with_a_failed_command")]
    [InlineData("Fails_with_an_assertion")]
    [InlineData("Fails_with_a_machine_of_its_own")]
    [InlineData("Times_out")]
    public void Attaches_everything_to_a_failed_test(string test)
    {
        string[] files = sample.AttachmentsOf(test);

        foreach (string kind in Kinds)
            files.Should().ContainSingle(file => file.EndsWith(kind, StringComparison.Ordinal), $"{kind} is evidence");
        string Read(string kind) => File.ReadAllText(files.Single(file => file.EndsWith(kind, StringComparison.Ordinal)));
        Read("serial-log.txt").Should().Contain("Linux version 6.");
        Read("command-line.txt").Should().Contain("qemu-system-x86_64").And.Contain("-blockdev");
        Read("repro.sh.txt").Should().StartWith("#!/bin/sh").And.Contain("qemu-img create");
        File.ReadAllBytes(files.Single(file => file.EndsWith("screen.png", StringComparison.Ordinal)))[..4].Should().Equal(0x89, (byte)'P', (byte)'N', (byte)'G');
    }

    [Fact]
    public void Has_the_serial_tail_in_the_message_of_our_own_exceptions() =>
        sample.MessageOf("Fails_with_a_failed_command").Should()
            .Contain("the command ended with exit code 9").And.Contain("Standard error: wrong").And.Contain("Serial log (last ");

    [Fact]
    public void Has_the_serial_tail_in_the_output_of_other_failures() =>
        sample.OutputOf("Fails_with_an_assertion").Should().Contain("Serial log of machine 'tiny-").And.Contain("login:");

    [Fact]
    public void Ends_a_test_that_runs_into_its_limit_at_once() =>
        sample.DurationOf("Times_out").Should().BeLessThan(TimeSpan.FromSeconds(45), "its limit is 40 s, and its command would take 600 s");

    [Fact]
    public void Attaches_nothing_to_a_test_that_passes() => sample.AttachmentsOf("Passes").Should().BeEmpty();
}
