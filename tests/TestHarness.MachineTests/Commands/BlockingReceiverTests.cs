using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Commands;

/// <summary>
/// What the test gave to be called, and what does not come back or throws: limits, tokens, kills and disposals stand all the same.
/// </summary>
public sealed class BlockingReceiverTests(Tiny tiny) : IDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    private readonly ManualResetEventSlim _open = new();
    private readonly TaskCompletionSource _called = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ShellOptions Blocking => new() { OnOutput = _ => Block() };

    public void Dispose() => _open.Set();

    [Fact]
    public async Task A_command_whose_receiver_of_lines_blocks_ends_with_its_limit_and_with_its_token()
    {
        using var cancel = new CancellationTokenSource();
        Task<ShellResult> limited = tiny.Machine.Shell.RunAsync("yes", Blocking with { Timeout = TimeSpan.FromSeconds(1) }, Token);
        (await limited.Awaiting(it => it.WaitAsync(Bound, Token)).Should().ThrowAsync<WaitTimeoutException>()).WithMessage(
            "*waited 1 s for the command: yes*"
        );

        Task<ShellResult> cancelled = tiny.Machine.Shell.RunAsync("yes", Blocking, cancel.Token);
        await _called.Task.WaitAsync(Bound, Token);
        await cancel.CancelAsync();
        await cancelled.Awaiting(it => it.WaitAsync(Bound, Token)).Should().ThrowAsync<OperationCanceledException>();

        (await tiny.Machine.Shell.RunAsync("echo fine", cancellationToken: Token)).Should().HaveOutput("fine");
    }

    [Fact]
    public async Task A_command_in_the_background_whose_receiver_of_lines_blocks_is_killed_and_disposed_of()
    {
        await using GuestProcess killed = await tiny.Machine.Shell.StartAsync("yes", Blocking, Token);
        await _called.Task.WaitAsync(Bound, Token);
        killed.StandardOutput.Should().StartWith("y\n");
        (await killed.KillAsync(Token).WaitAsync(Bound, Token)).Signal.Should().Be(9);

        GuestProcess disposed = await tiny.Machine.Shell.StartAsync("yes", Blocking, Token);
        await disposed.DisposeAsync().AsTask().WaitAsync(Bound, Token);
        (await Record.ExceptionAsync(() => disposed.WaitAsync(Bound, Token)) is WaitTimeoutException)
            .Should()
            .BeFalse("it has ended, whatever of its lines was told");
    }

    [Fact]
    public async Task Lines_that_wait_are_not_handed_on_once_the_token_has_fired()
    {
        using var cancel = new CancellationTokenSource();
        List<string> lines = [];
        Func<Task> run = async () =>
        {
            await foreach (OutputLine line in tiny.Machine.Shell.RunLinesAsync("seq 200; sleep 600", cancellationToken: cancel.Token))
            {
                lines.Add(line.Text);
                // All of them wait by then.
                await tiny.Machine.Shell.RunAsync("true", cancellationToken: Token);
                await cancel.CancelAsync();
            }
        };

        (await run.Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(cancel.Token);
        lines.Should().Equal("1");
    }

    [Fact]
    public async Task A_machine_ends_though_one_who_follows_it_throws_and_another_one_blocks()
    {
        VirtualMachine vm = await tiny.StartFreshAsync(Token);
        string folder = new FileInfo($"/proc/{vm.ProcessId}/cwd").LinkTarget!;
        var followed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        vm.LineReceived += (_, _) => throw new FormatException("not my line");
        vm.LineReceived += (_, _) => Block();
        vm.LineReceived += (_, line) =>
        {
            if (line.Contains("last words", StringComparison.Ordinal))
                followed.TrySetResult();
        };

        await vm.Console.WriteLineAsync("", Token);
        await vm.Console.WaitForAsync("login: ", cancellationToken: Token);
        await vm.Shell.RunAsync("echo first > /dev/ttyS0; echo last words > /dev/ttyS0", cancellationToken: Token).WaitAsync(Bound, Token);
        await vm.Console.WaitForAsync("last words", cancellationToken: Token);
        await followed.Task.WaitAsync(Bound, Token);
        // A dispose alone would keep the machine for its evidence, since something was thrown in this test.
        await vm.KillAsync().WaitAsync(Bound, Token);
        await vm.DisposeAsync().AsTask().WaitAsync(Bound, Token);

        (await vm.CollectEvidenceAsync(Token))
            .Events.Where(entry => entry.Outcome?.Contains("not my line", StringComparison.Ordinal) == true)
            .Should()
            .ContainSingle();
        Directory.Exists(folder).Should().BeFalse();
    }

    [Fact]
    public async Task A_transfer_whose_receiver_of_progress_blocks_ends_as_ever()
    {
        var options = new SyncOptions { Progress = new Blocker<SyncProgress>(Block), Timeout = TimeSpan.FromSeconds(60) };

        SyncResult pushed = await tiny
            .Machine.Files.PushAsync(typeof(object).Assembly.Location, "/tmp/", options with { Exclude = ["*.none"] }, Token)
            .WaitAsync(TimeSpan.FromSeconds(20), Token);

        pushed.Changes.Should().ContainSingle();
    }

    [Fact]
    public async Task A_start_whose_receiver_of_progress_blocks_comes_up_and_one_whose_receiver_throws_fails_with_that()
    {
        await using VirtualMachine vm = await VirtualMachine
            .StartAsync(new MachineSpec(), new Blocker<StartProgress>(Block), Token)
            .WaitAsync(TimeSpan.FromSeconds(30), Token);
        (await vm.Shell.RunAsync("echo up", cancellationToken: Token)).Should().HaveOutput("up");

        Func<Task> start = () =>
            VirtualMachine.StartAsync(
                new MachineSpec(),
                new Blocker<StartProgress>(() => throw new FormatException("not this step")),
                Token
            );
        (await start.Should().ThrowAsync<FormatException>()).WithMessage("not this step");
    }

    [Fact]
    public async Task A_metadata_handler_that_blocks_holds_neither_other_requests_nor_the_disposal()
    {
        VirtualMachine vm = await tiny.StartFreshAsync(Token);
        vm.Metadata.Handle("/blocks", _ =>
        {
            Block();
            return MetadataResponse.NotFound();
        });
        vm.Metadata.Handle("/answers", _ => MetadataResponse.Text("here"));

        await using GuestProcess asking = await vm.Shell.StartAsync("wget -q -O- http://169.254.169.254/blocks", cancellationToken: Token);
        await _called.Task.WaitAsync(Bound, Token);
        (await vm.Shell.RunAsync("wget -q -O- http://169.254.169.254/answers", cancellationToken: Token))
            .StandardOutput.Should()
            .Be("here");

        await vm.DisposeAsync().AsTask().WaitAsync(Bound, Token);
    }

    private void Block()
    {
        _called.TrySetResult();
        _open.Wait();
    }

    private sealed class Blocker<T>(Action block) : IProgress<T>
    {
        public void Report(T value) => block();
    }
}
