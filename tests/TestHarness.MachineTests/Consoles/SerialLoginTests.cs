using System.Text.RegularExpressions;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Consoles;

/// <summary>Logging in on the serial console, and waiting for what comes first.</summary>
public sealed class SerialLoginTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Logs_in_without_a_password_and_waits_for_one_of_several()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        await vm.Console.LoginAsync("root", cancellationToken: Token);
        await vm.Console.WriteLineAsync("echo $((6*7))-first; echo second; printf '50%%\\r100%%\\n\\033[31mred\\033[0m\\n'", Token);
        ConsoleMatch first = await vm.Console.WaitForAnyAsync(["no such text", "\nsecond", "42-first"], cancellationToken: Token);
        ConsoleMatch second = await vm.Console.WaitForAnyAsync(
            [new Regex("^red", RegexOptions.Multiline), new Regex("^sec(ond)", RegexOptions.Multiline)],
            cancellationToken: Token
        );

        first.Should().Be(new ConsoleMatch(2, "42-first"));
        second.Should().Be(new ConsoleMatch(1, "second"));
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Logs_in_with_a_password_and_says_when_it_is_refused()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        // crypt(3) of "right-one".
        await vm.Shell.RunAsync("sed -i 's|^root:[^:]*|root:$1$testharn$2w3PvaGpEcl.cEPQSPJWB/|' /etc/shadow", cancellationToken: Token);

        (
            await vm
                .Console.Invoking(console => console.LoginAsync("root", "wrong-one", cancellationToken: Token))
                .Should()
                .ThrowAsync<GuestCommandException>()
        )
            .WithMessage("*the login as 'root' on the serial console was refused: \"Login incorrect\"*")
            .And.Message.Should()
            .NotContain("wrong-one");
        await vm.Console.LoginAsync("root", "right-one", cancellationToken: Token);
        await vm.Console.WriteLineAsync("id -un", Token);

        await vm.Console.WaitForAsync("\nroot\n", cancellationToken: Token);
    }
}
