using System.Text.RegularExpressions;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Xunit;

/// <summary>Runs tests that fail on purpose and reads their results back from the TRX file.</summary>
[Fault(
    "A test fails in `await using var vm`, or a fixture fails after its machine started.",
    "The machine is kept for the evidence until the result is known, with journal and files. It gives way to whoever " + "waits for room.",
    "DelayedDisposeTests",
    "DelayedEndsTests"
)]
public sealed class EvidenceTests(SampleRun sample) : IClassFixture<SampleRun>
{
    private static readonly string[] Kinds =
    [
        "serial-log.txt",
        "qemu-stderr.txt",
        "command-line.txt",
        "repro.sh.txt",
        "events.jsonl.txt",
        "screen.png",
    ];

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
        File.ReadAllBytes(files.Single(file => file.EndsWith("screen.png", StringComparison.Ordinal)))[..4]
            .Should()
            .Equal(0x89, (byte)'P', (byte)'N', (byte)'G');
    }

    [Theory]
    [InlineData("Fails_with_a_failed_command")]
    [InlineData("Fails_with_an_assertion")]
    public void Keeps_a_whole_bundle_of_a_failed_test(string test)
    {
        string bundle = sample.BundleOf(test)!;

        string notes = Path.Combine(bundle, "notes.txt");
        (File.Exists(notes) ? File.ReadAllText(notes) : "").Should().BeEmpty("the guest gave everything");
        string[] files =
        [
            .. Directory.GetFiles(bundle, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(bundle, file)),
        ];
        files
            .Should()
            .BeEquivalentTo(
                "command-line.txt",
                "events.jsonl",
                "frames/1.png",
                "journal.txt",
                "qemu-stderr.txt",
                "repro.sh",
                "screen.png",
                "serial.log"
            );
        File.ReadAllText(Path.Combine(bundle, "journal.txt")).Should().Contain("EXT4-fs (vda): mounted");
        File.ReadAllLines(Path.Combine(bundle, "events.jsonl"))
            .Should()
            .Contain(line => line.Contains("\"what\":\"start\"") && line.Contains("\"outcome\":\"ok\""));
        sample.OutputOf(test).Should().MatchRegex($"(?m)^Artifacts: {Regex.Escape(bundle)}$");
    }

    [Fact]
    public void Has_each_command_with_its_outcome_in_the_timeline() =>
        File.ReadAllText(Path.Combine(sample.BundleOf("Fails_with_a_failed_command")!, "events.jsonl"))
            .Should()
            .MatchRegex(
                "\"kind\":\"operation\",\"what\":\"the command: echo wrong >&2; exit "
                    + "9\",\"durationMs\":[0-9.]+,\"outcome\":\"exit code 9\"}"
            );

    [Theory]
    [InlineData("Fails_with_a_machine_of_its_own")]
    [InlineData("HalfStartedTests")]
    public void Keeps_everything_of_a_machine_that_is_disposed_on_the_way_of_an_exception(string test)
    {
        string bundle = sample.BundleOf(test)!;

        File.ReadAllText(Path.Combine(bundle, "serial.log")).Should().Contain("login:");
        new FileInfo(Path.Combine(bundle, "screen.png")).Length.Should().BeGreaterThan(1000);
        File.ReadAllText(Path.Combine(bundle, "journal.txt")).Should().Contain("EXT4-fs (vda): mounted");
        File.ReadAllText(Path.Combine(bundle, "files/etc/passwd")).Should().StartWith("root:");
        File.Exists(Path.Combine(bundle, "notes.txt")).Should().BeFalse();
    }

    [Fact]
    public void Keeps_what_is_known_of_a_machine_that_was_disposed_before()
    {
        string bundle = sample.BundleOf("Fails_after_its_machine_was_disposed")!;

        new FileInfo(Path.Combine(bundle, "screen.png"))
            .Length.Should()
            .BeGreaterThan(1000, "it was taken when the machine was about to end");
        File.ReadAllText(Path.Combine(bundle, "events.jsonl")).Should().Contain("\"what\":\"ended: the test ended it\"");
        File.ReadAllText(Path.Combine(bundle, "notes.txt")).Should().StartWith("journal and files of the guest: not asked for");
        sample.MessageOf("Fails_after_its_machine_was_disposed").Should().Contain("on purpose");
    }

    [Fact]
    public void Keeps_a_bundle_of_a_fixture_that_did_not_start()
    {
        string bundle = sample.BundleOf("NoStartTests")!;

        File.ReadAllText(Path.Combine(bundle, "events.jsonl")).Should().Contain("\"outcome\":\"MachineStartException: Machine 'tiny-");
        sample.Output.Should().Contain($"Artifacts: {bundle}\n");
    }

    [Fact]
    public void Collects_files_of_the_guest_and_says_what_there_is_not()
    {
        string bundle = sample.BundleOf("Fails_with_secrets_and_files")!;

        File.ReadAllText(Path.Combine(bundle, "files/tmp/core.1")).Should().Be("a dump\n");
        File.ReadAllText(Path.Combine(bundle, "notes.txt")).Should().Be("files: nothing matches /tmp/nothing-*\n");
    }

    [Fact]
    public void Keeps_the_files_of_a_failed_comparison_with_a_golden()
    {
        string[] attachments = sample.AttachmentsOf("Fails_with_a_golden");
        string bundle = sample.BundleOf("Fails_with_a_golden")!;

        File.ReadAllText(attachments.Single(file => file.EndsWith("golden-greeting.expected.txt", StringComparison.Ordinal)))
            .Should()
            .Be("good morning\n");
        File.ReadAllText(attachments.Single(file => file.EndsWith("golden-greeting.actual.txt", StringComparison.Ordinal)))
            .Should()
            .Be("good evening\n");
        Directory
            .GetFiles(Path.Combine(bundle, "goldens"))
            .Select(Path.GetFileName)
            .Should()
            .BeEquivalentTo("greeting.expected.txt", "greeting.actual.txt");
        sample.MessageOf("Fails_with_a_golden").Should().Contain("-    1  good morning").And.Contain("+    1  good evening");
    }

    [Fact]
    public void Shows_secrets_nowhere()
    {
        string bundle = sample.BundleOf("Fails_with_secrets_and_files")!;
        sample.MessageOf("Fails_with_secrets_and_files").Should().Contain("Standard error: ***");
        string[] files =
        [
            sample.ResultsFile,
            .. sample.AttachmentsOf("Fails_with_secrets_and_files"),
            .. Directory.GetFiles(bundle, "*", SearchOption.AllDirectories),
        ];

        files.Length.Should().BeGreaterThan(15);
        foreach (string file in files)
            File.ReadAllText(file).Should().NotContain("tr0ub4dor", file).And.NotContain("battery", file);
        sample.Output.Should().NotContain("tr0ub4dor").And.NotContain("battery");
    }

    [Fact]
    public void Keeps_nothing_of_a_test_that_passes() => sample.BundleOf("Passes").Should().BeNull();

    [Fact]
    public void Tells_what_belongs_to_the_test_and_where_the_rest_is()
    {
        string bundle = sample.BundleOf("Fails_with_a_failed_command")!;
        string message = sample.MessageOf("Fails_with_a_failed_command");

        // The kernel of a restored guest says a moment later what is new to it: its random state, the link of its network.
        Regex
            .Replace(
                message,
                @"(?<=^Serial log \(since the test began\):)(\s+\[ *[0-9.]+\] .*)+$",
                " nothing was written",
                RegexOptions.Multiline
            )
            .Should()
            .Be(
                $"""
                TestHarness.GuestCommandException : Machine '{sample.MachineOf(
                    "Fails_with_a_failed_command"
                )}': the command ended with exit code 9.
                Command: echo wrong >&2; exit 9
                Exit code: 9
                Standard error: wrong
                Serial log (since the test began): nothing was written
                Command line of QEMU: {bundle}/command-line.txt
                Reproduce: {bundle}/repro.sh
                """
            );
        File.Exists($"{bundle}/command-line.txt").Should().BeTrue();
        File.Exists($"{bundle}/repro.sh").Should().BeTrue();
    }

    [Fact]
    public void Has_the_serial_tail_in_the_output_of_other_failures() =>
        sample
            .OutputOf("Fails_with_an_assertion")
            .Should()
            .MatchRegex(@"(?m)^Machine 'tiny-[0-9]+': Serial log \(since the (test began|machine was up)\)")
            .And.NotContain("login:");

    [Theory]
    [InlineData("Fails_with_a_failed_command")]
    [InlineData("Fails_with_a_golden")]
    public void Begins_the_stack_trace_at_the_test(string test) =>
        sample.StackTraceOf(test).Should().StartWith("   at TestHarness.SampleTests.").And.NotContain("/src/TestHarness");

    [Fact]
    public void Says_nothing_twice_of_a_machine_that_does_not_start()
    {
        string test = "Fails_with_a_row_that_does_not_start";
        sample
            .MessageOf(test)
            .Should()
            .Contain("no-such-option: invalid option")
            .And.Contain($"{sample.BundleOf(test)}/command-line.txt")
            .And.Contain("\nSerial log: nothing was written\n");
        sample.OutputOf(test).Should().NotContain("Serial log");
    }

    [Fact]
    public void Ends_a_test_that_runs_into_its_limit_at_once() =>
        sample.DurationOf("Times_out").Should().BeLessThan(TimeSpan.FromSeconds(45), "its limit is 40 s, and its command would take 600 s");

    [Fact]
    public void Attaches_nothing_to_a_test_that_passes() => sample.AttachmentsOf("Passes").Should().BeEmpty();
}
