using TestHarness.Xunit;
using Xunit;

namespace TestHarness.SampleTests;

/// <summary>
/// A guest that prints what acts on terminals, CI logs and XML, on its console and in a command's output; then the test fails.
/// </summary>
public sealed class HostileTests
{
    // Escape sequences (colour, link, clipboard), a bell, an overwritten line, commands for CI systems, NUL, C1, invalid UTF-8, a reversed
    // direction.
    private const string Print =
        @"printf 'begin \033[31mred\033[0m \033]8;;http://evil\033\\link \033]52;c;cm0=\007\nok\rnot ok\n::set-env name=X::y\n  "
        + @"::error::z\n##vso[task.x]\n##[x]\n##teamcity[x]\nnul \0 c1 \302\233 bad \377 rtl \342\200\256 end\n'";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, VirtualMachine("tiny")]
    public async Task Fails_after_hostile_output_of_a_command(VirtualMachine vm) =>
        await vm.Shell.RunAsync($"{Print}; {Print} >&2; exit 3", cancellationToken: Token);

    [Theory, VirtualMachine("tiny")]
    public async Task Fails_after_hostile_output_on_the_console(VirtualMachine vm)
    {
        await vm.Shell.RunAsync($"{Print} > /dev/ttyS0", cancellationToken: Token);
        await vm.Console.WaitForAsync(" end", cancellationToken: Token);
        Assert.Fail("on purpose");
    }
}
