using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>
/// Many starts and disposals in one process, half of them cut short at random moments. <c>bash tests/run.sh --soak</c> does 500; a usual
/// run does a few. Its variables: SOAK_CYCLES and SOAK_SEED.
/// </summary>
[Fault(
    "Hundreds of starts are cancelled, or their QEMU is killed, at random moments.",
    "Open files, threads, processes, sockets and run folders are back where they were."
)]
public sealed class SoakTests
{
    private const string FewCycles = "16";

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Leaves_nothing_behind()
    {
        string cycles = Environment.GetEnvironmentVariable("SOAK_CYCLES") ?? FewCycles;
        string seed = Environment.GetEnvironmentVariable("SOAK_SEED") ?? $"{Random.Shared.Next(100_000)}";
        using var program = new SampleProgram();

        (int exitCode, string output) = await program.RunAsync("soak", cycles, seed);

        TestContext.Current.TestOutputHelper?.WriteLine(output);
        exitCode.Should().Be(0, output);
        output.Should().Contain($"soak: {cycles} cycles, seed {seed}\n").And.EndWith("clean\n");
        await program.AssertNothingStaysAsync();
    }
}
