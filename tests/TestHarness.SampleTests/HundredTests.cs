using TestHarness.Xunit;
using Xunit;

namespace TestHarness.SampleTests;

/// <summary>
/// A hundred tests with a fresh Debian each, in two classes that xunit runs side by side: <c>time dotnet test --no-build --filter
/// Hundred</c>.
/// </summary>
public abstract class HundredTests
{
    public static IEnumerable<TheoryDataRow<int>> Numbers => Enumerable.Range(0, 50).Select(number => new TheoryDataRow<int>(number));

    [Theory, MemberData(nameof(Numbers))]
    public async Task Runs_on_a_fresh_machine(int number)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Image = "debian-12" },
            cancellationToken: TestContext.Current.CancellationToken
        );
        ShellResult result = await vm.Shell.RunAsync(
            $"test ! -e /used && touch /used && echo {number}",
            cancellationToken: TestContext.Current.CancellationToken
        );
        Assert.Equal($"{number}\n", result.StandardOutput);
    }
}

public sealed class HundredTestsA : HundredTests;

public sealed class HundredTestsB : HundredTests;
