using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Templates;

[Fault(
    "Several processes need the same layers at once. A process that makes layers is killed at any moment.",
    "Each layer is made once; the others wait for it. No start goes on from a layer that is not whole."
)]
public sealed class LayerProcessesTests : IDisposable
{
    private const int Kills = 50;

    private static int _unique;

    private readonly SampleProgram _program = new();
    private readonly string _name = $"n{Environment.ProcessId}-{Interlocked.Increment(ref _unique)}";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _program.Dispose();

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Five_layers_that_two_processes_need_are_made_once()
    {
        (int ExitCode, string Output)[] runs = await Task.WhenAll(_program.RunAsync("layers", _name), _program.RunAsync("layers", _name));

        runs.Should().OnlyContain(run => run.ExitCode == 0 && run.Output.Contains(Left(_name)));
        for (int step = 1; step <= 5; step++)
            runs.Sum(run => run.Output.Split('\n').Count(line => line == $"set-up {step} of 5: run {Command(_name, step)}"))
                .Should()
                .Be(1, string.Join("\n--\n", runs.Select(run => run.Output)));
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task A_maker_that_is_killed_at_any_moment_leaves_no_layer_that_a_later_start_trusts()
    {
        var random = new Random(1);
        for (int round = 0; round < Kills; round++)
        {
            string name = $"{_name}-{round}";
            Process maker = _program.Start("layers", name);
            await SampleProgram.ReadLineAsync(maker, $"set-up {random.Next(1, 6)} of 5");
            await Task.Delay(random.Next(1000), Token);
            maker.Kill();
            await maker.WaitForExitAsync(Token);

            (int exitCode, string output) = await _program.RunAsync("layers", name);

            exitCode.Should().Be(0, $"{output} (round {round})");
            output.Should().Contain(Left(name), $"round {round}");
        }

        await _program.AssertNothingStaysAsync();
    }

    private static string Command(string name, int step) => $"echo {name} {step} | tee -a /root/steps > /dev/shm/last";

    private static string Left(string name) => string.Concat(Enumerable.Range(1, 5).Append(5).Select(step => $"{name} {step};"));
}
