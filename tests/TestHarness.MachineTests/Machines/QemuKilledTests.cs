using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>QEMU ends or stands still while the test is using the machine.</summary>
[Fault(
    "QEMU is killed, or stopped by SIGSTOP, in the middle of a command, a file transfer or a screenshot.",
    "The call fails within a second if QEMU is killed. It fails within two seconds of its own limit if QEMU stands "
        + "still. Evidence and disposal do not hang. Other machines do not notice."
)]
public sealed class QemuKilledTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Fails_every_pending_call_within_a_second_and_touches_no_other_machine()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await using VirtualMachine other = await tiny.StartFreshAsync(Token);
        string file = await MakeLargeFileAsync();
        try
        {
            Task<ShellResult> command = vm.Shell.RunAsync("sleep 600", cancellationToken: Token);
            Task console = vm.Console.WaitForAsync("never", cancellationToken: Token);
            Task push = vm.Files.PushAsync(file, "/root/large", cancellationToken: Token);
            // The file's temporary name: the transfer is under way.
            await vm.Shell.RunAsync(
                "until ls -A /root | grep '^.testharness-'; do usleep 10000; done",
                new ShellOptions { Timeout = TimeSpan.FromMinutes(1) },
                Token
            );
            Task captures = CaptureUntilItFailsAsync(vm);
            Task beside = other.Shell.RunAsync("sleep 1", cancellationToken: Token);

            Signal.Send("KILL", vm);
            long killed = Stopwatch.GetTimestamp();

            foreach (Task call in (Task[])[command, console, push, captures])
            {
                (
                    await call.Awaiting(task => task.WaitAsync(TimeSpan.FromSeconds(5), Token))
                        .Should()
                        .ThrowAsync<MachineExitedException>()
                ).WithMessage(
                    $"Machine '{vm.Name}' is not running: QEMU was ended by signal 9.*Waited for: *Try: if nobody killed it*memory*"
                );
            }

            Stopwatch.GetElapsedTime(killed).Should().BeLessThan(TimeSpan.FromSeconds(1));
            await beside;
            await other.Shell.RunAsync("true", cancellationToken: Token);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Keeps_to_the_limits_of_calls_and_ends_when_QEMU_stands_still()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        TimeSpan second = TimeSpan.FromSeconds(1);
        string file = await MakeLargeFileAsync();
        try
        {
            Signal.Send("STOP", vm);
            using var capture = CancellationTokenSource.CreateLinkedTokenSource(Token);
            capture.CancelAfter(second);
            long asked = Stopwatch.GetTimestamp();
            Task[] calls =
            [
                vm.Shell.RunAsync("true", new ShellOptions { Timeout = second }, Token),
                vm.Console.WaitForAsync("never", second, Token),
                vm.Files.PushAsync(file, "/root/large", new SyncOptions { Timeout = second }, Token),
                vm.RebootAsync(second, Token),
            ];
            Task<Screenshot> captured = vm.Screen.CaptureAsync(capture.Token);

            foreach (Task call in calls)
                (await call.Awaiting(task => task.WaitAsync(TimeSpan.FromSeconds(5), Token)).Should().ThrowAsync<WaitTimeoutException>())
                    .Which.Limit.Should()
                    .Be(second);
            (
                await captured
                    .Awaiting(task => task.WaitAsync(TimeSpan.FromSeconds(5), Token))
                    .Should()
                    .ThrowAsync<OperationCanceledException>()
            )
                .Which.CancellationToken.Should()
                .Be(capture.Token);
            Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(3));
        }
        finally
        {
            File.Delete(file);
        }

        long collected = Stopwatch.GetTimestamp();
        MachineEvidence evidence = await vm.CollectEvidenceAsync(Token);
        Stopwatch.GetElapsedTime(collected).Should().BeLessThan(TimeSpan.FromSeconds(2));
        evidence.Screenshot.Should().BeNull();
        evidence.SerialLog.Should().Contain("Linux version");

        // A dispose alone would keep the machine for its evidence, since calls have failed in this test.
        long disposed = Stopwatch.GetTimestamp();
        await vm.KillAsync();
        await vm.DisposeAsync();
        Stopwatch.GetElapsedTime(disposed).Should().BeLessThan(TimeSpan.FromSeconds(3));
        StartTests.Running(vm.ProcessId!.Value).Should().BeFalse();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Ends_what_is_under_way_two_seconds_after_its_limit_though_no_kill_is_answered()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        var limit = TimeSpan.FromSeconds(20);
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            string file = Path.Combine(folder.FullName, "large");
            File.Move(await MakeLargeFileAsync(), file);
            Task<TimeSpan> command = EndsAfterAsync(() => vm.Shell.RunAsync("sleep 600", new ShellOptions { Timeout = limit }, Token));
            // Under way when the temporary name of rsync, or of the agent, is there.
            Task<TimeSpan> folderPush = EndsAfterAsync(() =>
                vm.Files.PushAsync($"{folder.FullName}/", "/root/folder/", new SyncOptions { Timeout = limit }, Token)
            );
            await vm.Shell.WaitUntilSucceedsAsync("ls -A /root/folder | grep '^.large.'", limit, Token);
            Task<TimeSpan> filePush = EndsAfterAsync(() =>
                vm.Files.PushAsync(file, "/root/large", new SyncOptions { Timeout = limit }, Token)
            );
            await vm.Shell.WaitUntilSucceedsAsync("ls -A /root | grep '^.testharness-'", limit, Token);

            Signal.Send("STOP", vm);

            (await Task.WhenAll(command, folderPush, filePush))
                .Should()
                .AllSatisfy(after => after.Should().BeLessThan(limit + TimeSpan.FromSeconds(2)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<TimeSpan> EndsAfterAsync(Func<Task> call)
    {
        long asked = Stopwatch.GetTimestamp();
        await call.Should().ThrowAsync<WaitTimeoutException>();
        return Stopwatch.GetElapsedTime(asked);
    }

    private static async Task CaptureUntilItFailsAsync(VirtualMachine vm)
    {
        while (true)
            await vm.Screen.CaptureAsync(Token);
    }

    private static async Task<string> MakeLargeFileAsync()
    {
        string file = Path.GetTempFileName();
        byte[] noise = new byte[64 * 1024 * 1024];
        Random.Shared.NextBytes(noise);
        await File.WriteAllBytesAsync(file, noise, Token);
        return file;
    }
}
