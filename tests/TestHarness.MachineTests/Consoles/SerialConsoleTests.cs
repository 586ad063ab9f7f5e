using System.Text.RegularExpressions;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Consoles;

public sealed class SerialConsoleTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Has_the_log_from_the_first_byte_and_answers_at_the_login_prompt()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        await vm.Console.WaitForAsync("login:", cancellationToken: Token);
        await vm.Console.WriteLineAsync("root", Token);
        // login(1) throws away what was typed before the shell is there.
        await vm.Console.WaitForAsync("# ", cancellationToken: Token);
        await vm.Console.WriteLineAsync("echo $((6*7))-answer", Token);
        Match answer = await vm.Console.WaitForAsync(new Regex(@"^(\d+)-answer", RegexOptions.Multiline), cancellationToken: Token);

        answer.Groups[1].Value.Should().Be("42");
        vm.Console.Log.Text.IndexOf("Linux version 6.", StringComparison.Ordinal)
            .Should()
            .BeInRange(0, 200, "the kernel's first line is the first thing on the console");
        vm.Console.Log.Should().Contain("login:");
        vm.Console.Log.Text.Should().NotContain("\r\n");
    }

    [Fact]
    public async Task Searches_on_from_the_last_match()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Console.WaitForAsync("login:", cancellationToken: Token);

        Func<Task> again = () => vm.Console.WaitForAsync("Linux version", TimeSpan.FromSeconds(0.5), Token);

        WaitTimeoutException thrown = (await again.Should().ThrowAsync<WaitTimeoutException>()).Which;
        thrown
            .Message.Should()
            .StartWith($"Machine '{vm.Name}': waited 0.5 s for \"Linux version\" on the serial console, in vain.")
            .And.Contain("Serial log (since the machine was up)")
            .And.NotContain("login:");
    }

    [Fact]
    public async Task Throws_at_once_when_the_machine_dies()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        Task waiting = vm.Console.WaitForAsync("never comes", TimeSpan.FromMinutes(5), Token);
        await vm.Shell.RunAsync("poweroff -f", cancellationToken: Token).ContinueWith(_ => { }, Token);

        (await waiting.Invoking(task => task.WaitAsync(TimeSpan.FromSeconds(20), Token)).Should().ThrowAsync<MachineExitedException>())
            .Which.Exit.Reason.Should()
            .Be(MachineExitReason.GuestShutdown);
    }
}
