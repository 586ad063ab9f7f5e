using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>
/// The host's clock steps while machines run and templates age, as after a sleep or by hand. Played by libfaketime, for this program alone.
/// </summary>
[Fault(
    "The host's clock steps by hours, forward or back, during waits. A template is hours old.",
    "Waits and limits keep their length. The next clone has the new time within a second."
)]
public sealed class ClockStepTests
{
    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("+2h", "2.0")]
    [InlineData("-2h", "-2.0")]
    public async Task Changes_no_limit_and_the_next_clone_has_the_new_time(string step, string hours)
    {
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "+0", TestContext.Current.CancellationToken);
            using SampleProgram program = new SampleProgram()
                .With("LD_PRELOAD", "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
                .With("FAKETIME_TIMESTAMP_FILE", file)
                .With("FAKETIME_CACHE_DURATION", "1")
                .With("FAKETIME_DONT_FAKE_MONOTONIC", "1");

            (int exitCode, string output) = await program.RunAsync("clock", file, step);

            exitCode.Should().Be(0, output);
            output
                .Should()
                .MatchRegex($@"waited [2-5]\.[0-9] s while the clock went {hours} hours: WaitTimeoutException")
                .And.MatchRegex(
                    @"next 0\.[0-9]{3} True",
                    "the clone of a template that is two hours older, or younger, is right within a second"
                );
            await program.AssertNothingStaysAsync();
        }
        finally
        {
            File.Delete(file);
        }
    }
}
