using System.Net.Sockets;
using System.Text;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

[Fault(
    "A step of a test fails, or the machine can't have a checkpoint before it.",
    "The evidence names the step. A person who holds the machine goes back to what was before it, and runs it again. A missing checkpoint "
        + "is in the timeline."
)]
public sealed class StepTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_step_that_fails_is_named_and_is_run_again_from_what_was_before_it()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);
        string expected = "wrong";
        await vm.StepAsync("install", () => vm.Shell.RunAsync("echo installed > /root/state", cancellationToken: Token), Token);

        Func<Task> failing = () => vm.StepAsync("configure", ConfigureAsync, Token);

        await failing.Should().ThrowAsync<InvalidDataException>().WithMessage("it is configured");
        MachineEvidence evidence = await vm.CollectEvidenceAsync(Token);
        evidence.Step.Should().Be("step 2 (\"configure\"); the state before it is checkpoint \"before configure\"");
        evidence
            .Events.Where(one => one.Kind == MachineEventKind.Step)
            .Select(one => $"{one.What}: {one.Outcome}")
            .Should()
            .Equal(
                "step 1 (\"install\") begins: ",
                "step 1 (\"install\"): ok",
                "step 2 (\"configure\") begins: ",
                "step 2 (\"configure\"): InvalidDataException: it is configured"
            );

        await using MachineHold hold = await vm.HoldAsync(Token);
        hold.Instructions.Should().Contain("go back before step 2 (\"configure\"): echo back | socat").And.Contain(hold.StepSocket);
        (await SendAsync(hold, "back")).Should().Be("The machine is as it was before step 2 (\"configure\").\n");
        (await ReadStateAsync()).Should().Be("installed\n");
        (await SendAsync(hold, "again")).Should().EndWith("InvalidDataException: it is configured\n");
        expected = "installed\nconfigured\n";
        (await SendAsync(hold, "again")).Should().EndWith("step 2 (\"configure\") succeeds now.\n");
        (await SendAsync(hold, "stop")).Should().Be("\"stop\" is not known: send back or again.\n");
        vm.BeginTest(() => null);
        (await vm.CollectEvidenceAsync(Token)).Step.Should().BeNull("it was another test's");

        async Task ConfigureAsync()
        {
            await vm.Shell.RunAsync("echo configured >> /root/state", cancellationToken: Token);
            if (await ReadStateAsync() != expected)
                throw new InvalidDataException("it is configured");
        }

        async Task<string> ReadStateAsync() => (await vm.Shell.RunAsync("cat /root/state", cancellationToken: Token)).StandardOutput;
    }

    [Fact]
    public async Task A_step_is_a_checkpoint_of_the_test_s_own_as_well()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);
        await vm.StepAsync(
            "outer",
            () => vm.StepAsync("inner", () => vm.Shell.RunAsync("touch /root/inner", cancellationToken: Token), Token),
            Token
        );
        await vm.StepAsync("outer", () => vm.Shell.RunAsync("touch /root/second", cancellationToken: Token), Token);

        (await vm.CollectEvidenceAsync(Token)).Step.Should().BeNull("none failed");
        await vm.RollbackAsync("before outer", Token);

        (await vm.Shell.RunAsync("ls /root", cancellationToken: Token)).StandardOutput.Should().Contain("inner").And.NotContain("second");
    }

    [Fact]
    public async Task Without_a_checkpoint_the_step_runs_and_the_timeline_says_why()
    {
        string folder = Directory.CreateTempSubdirectory("steps-").FullName;
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherExecute | UnixFileMode.OtherRead);
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Shares = [new HostShare(folder, "/mnt/share")] },
            cancellationToken: Token
        );

        await vm.StepAsync("only", () => vm.Shell.RunAsync("true", cancellationToken: Token), Token);

        (await vm.CollectEvidenceAsync(Token))
            .Events.Should()
            .Contain(one => one.Kind == MachineEventKind.Step && one.What == "no checkpoint \"before only\"")
            .And.Contain(one => one.What == "step 1 (\"only\")" && one.Outcome == "ok");
        Directory.Delete(folder);
    }

    private static async Task<string> SendAsync(MachineHold hold, string word)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(hold.StepSocket!), Token);
        await using var stream = new NetworkStream(socket);
        await stream.WriteAsync(Encoding.UTF8.GetBytes($"{word}\n"), Token);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(Token);
    }
}
