using System.Diagnostics;
using System.Globalization;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Agents;

/// <summary>
/// Two machines with commands that write without end, whose readers pause at random, and short ones beside them: every byte is looked at.
/// <c>bash tests/run.sh --soak</c> does it for ten minutes; a usual run for a few seconds. Its variables: SOAK_SECONDS and SOAK_SEED.
/// </summary>
public sealed class AgentSoakTests(Tiny tiny)
{
    private const string FewSeconds = "2";
    private const int Workers = 4;

    private int _commands;
    private int _lines;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_byte_is_its_own_commands()
    {
        int seed = int.Parse(
            Environment.GetEnvironmentVariable("SOAK_SEED") ?? $"{Random.Shared.Next(100_000)}",
            CultureInfo.InvariantCulture
        );
        var duration = TimeSpan.FromSeconds(
            int.Parse(Environment.GetEnvironmentVariable("SOAK_SECONDS") ?? FewSeconds, CultureInfo.InvariantCulture)
        );
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        await using VirtualMachine one = await tiny.StartFreshAsync(Token);
        await using VirtualMachine other = await tiny.StartFreshAsync(Token);
        long began = Stopwatch.GetTimestamp();
        bool IsOver() => Stopwatch.GetElapsedTime(began) > duration;

        // A thread of the pool for each, so that none of them waits for another's pause.
        await Task.WhenAll(
            ((VirtualMachine[])[one, other]).SelectMany(
                (vm, number) =>
                    Enumerable
                        .Range(0, Workers + 2)
                        .Select(i =>
                        {
                            var random = new Random(seed + (100 * number) + i);
                            return Task.Run(
                                () => i < Workers ? AskAsync(vm.Shell, random, IsOver) : ReadAsync(vm.Shell, random, IsOver),
                                Token
                            );
                        })
            )
        );

        TestContext.Current.TestOutputHelper?.WriteLine($"{_commands} commands, {_lines} lines beside them");
        _commands.Should().BePositive($"seed {seed}");
    }

    private async Task AskAsync(Shell shell, Random random, Func<bool> isOver)
    {
        while (!isOver())
        {
            string text = $"{random.Next()}:{new string((char)random.Next('a', 'z' + 1), random.Next(90, 1090))}";
            ShellResult result = await shell.RunAsync($"echo {text}", cancellationToken: Token);
            (result.StandardOutput, result.StandardError, result.ExitCode).Should().Be(($"{text}\n", "", 0));
            Interlocked.Increment(ref _commands);
        }
    }

    private async Task ReadAsync(Shell shell, Random random, Func<bool> isOver)
    {
        string expected = $"{random.Next()}:{new string((char)random.Next('A', 'Z' + 1), random.Next(20, 200))}";
        await foreach (OutputLine line in shell.RunLinesAsync($"yes {expected}", cancellationToken: Token))
        {
            line.Text.Should().Be(expected);
            Interlocked.Increment(ref _lines);
            if (random.Next(2000) == 0)
                await Task.Delay(random.Next(50), Token);
            if (isOver())
                break;
        }
    }
}
