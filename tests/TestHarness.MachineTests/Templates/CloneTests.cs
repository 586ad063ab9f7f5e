using System.Globalization;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Templates;

/// <summary>Many machines at once from one template, all up at the same time and all busy, on the few cores that there are.</summary>
public sealed class CloneTests
{
    [Theory]
    [InlineData(20, "tiny", Traits = ["Speed", "Slow"])]
    [InlineData(8, "debian-12")]
    public async Task Many_at_once_are_up_and_are_individuals_with_the_right_time(int count, string image)
    {
        // More virtual CPUs than the budget for this host, so that none waits for another.
        using SampleProgram program = new SampleProgram().With("TESTHARNESS_CPUS", "64");

        (int exitCode, string output) = await program.RunAsync("clones", count.ToString(CultureInfo.InvariantCulture), image);

        exitCode.Should().Be(0, output);
        string[][] clones =
        [
            .. output.Split('\n').Where(line => line.StartsWith("clone ", StringComparison.Ordinal)).Select(line => line.Split(' ')),
        ];
        clones.Should().HaveCount(count).And.OnlyContain(clone => clone[5] == "True", "each is restored");
        for (int field = 1; field <= 3; field++)
            clones.Select(clone => clone[field]).Should().OnlyHaveUniqueItems("random numbers, machine id and host name are a clone's own");
        clones
            .Select(clone => double.Parse(clone[4], CultureInfo.InvariantCulture))
            .Should()
            .OnlyContain(wrong => wrong < 1, "the clock is right within a second");
        await program.AssertNothingStaysAsync();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task The_clock_is_right_though_the_host_gives_QEMU_no_time_while_it_is_set()
    {
        await using var vm = new VirtualMachine(new MachineSpec { Image = "tiny" });

        await vm.StartAsync(new Stall(vm), TestContext.Current.CancellationToken);

        DateTimeOffset asked = DateTimeOffset.UtcNow;
        string clock = (await vm.Shell.RunAsync("date +%s", cancellationToken: TestContext.Current.CancellationToken)).StandardOutput;
        DateTimeOffset
            .FromUnixTimeSeconds(long.Parse(clock, CultureInfo.InvariantCulture))
            .Should()
            .BeOnOrAfter(asked.AddSeconds(-2), "the guest tells whole seconds")
            .And.BeOnOrBefore(DateTimeOffset.UtcNow.AddSeconds(1));
    }

    // QEMU stands still for 4 seconds, as it may on a host that has too much to do.
    private sealed class Stall(VirtualMachine vm) : IProgress<StartProgress>
    {
        public void Report(StartProgress value)
        {
            if (value.Step != "the guest to confirm clock, random state and host name")
                return;
            Signal.Send("STOP", vm);
            _ = Task.Delay(TimeSpan.FromSeconds(4), CancellationToken.None)
                .ContinueWith(_ => Signal.Send("CONT", vm), TaskScheduler.Default);
        }
    }
}
