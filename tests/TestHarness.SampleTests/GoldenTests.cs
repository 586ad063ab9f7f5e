using TestHarness.Xunit;
using Xunit;

namespace TestHarness.SampleTests;

public sealed class GoldenTests
{
    [Theory, VirtualMachine("tiny")]
    public async Task Fails_with_a_golden(VirtualMachine vm)
    {
        ShellResult result = await vm.Shell.RunAsync("echo good evening", cancellationToken: TestContext.Current.CancellationToken);
        Golden.Match(result, "greeting");
    }
}
