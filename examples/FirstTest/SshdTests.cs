using FluentAssertions;
using TestHarness;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace FirstTest;

public sealed class SshdTests
{
    [Theory, VirtualMachine("debian-12")]
    public async Task Sshd_is_active(VirtualMachine vm)
    {
        ShellResult result = await vm.Shell.RunAsync("systemctl is-active ssh");
        result.Should().Succeed().And.HaveOutput("active");
    }
}
