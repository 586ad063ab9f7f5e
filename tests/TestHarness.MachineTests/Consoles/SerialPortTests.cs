using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Consoles;

/// <summary>Serial ports beside the console, and logs as they grow.</summary>
public sealed class SerialPortTests(Tiny tiny)
{
    private static readonly MachineSpec Spec = new() { SerialPorts = ["modem", "gps", "meter"] };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Each_has_its_device_and_its_log_over_rollback_and_reboot()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);
        SerialConsole modem = vm.GetSerialPort("modem"),
            gps = vm.GetSerialPort("gps"),
            meter = vm.GetSerialPort("meter");
        new[] { vm.Console, modem, gps, meter }
            .Select(port => port.DevicePath)
            .Should()
            .Equal("/dev/ttyS0", "/dev/ttyS1", "/dev/ttyS2", "/dev/ttyS3");
        vm.IsWarm.Should().BeTrue();

        await AnswerAsync("fresh");
        await vm.CheckpointAsync("clean", Token);
        await vm.RollbackAsync("clean", Token);
        await AnswerAsync("rolled-back");
        await vm.RebootAsync(cancellationToken: Token);
        await AnswerAsync("rebooted");

        modem.Log.Text.Should().Contain("modem says fresh").And.Contain("modem says rebooted").And.NotContain("gps");
        vm.Console.Log.Text.Should().NotContain("modem says");
        await (await vm.CollectEvidenceAsync(Token)).SaveAsync(Folder, Token);
        (await File.ReadAllTextAsync(Path.Combine(Folder, "serial-modem.log"), Token)).Should().Be(modem.Log.Text);
        File.Exists(Path.Combine(Folder, "serial-gps.log")).Should().BeTrue();
        Directory.Delete(Folder, recursive: true);

        async Task AnswerAsync(string word)
        {
            foreach (SerialConsole port in (SerialConsole[])[modem, gps, meter])
            {
                Task<ShellResult> heard = vm.Shell.RunAsync(
                    $"exec 3<>{port.DevicePath}; stty -echo <&3; echo ready-{word} >&3; read -r line <&3; echo $line",
                    cancellationToken: Token
                );
                await port.WaitForAsync($"ready-{word}", cancellationToken: Token);
                await port.WriteLineAsync($"to {port.Name}", Token);
                (await heard).Should().HaveOutput($"to {port.Name}");
            }

            // All at once, and none loses anything.
            await vm.Shell.RunAsync(
                "for p in modem:1 gps:2 meter:3; do (i=0; while [ $i -lt 300 ]; do echo ${p%:*} $i; i=$((i+1)); done > "
                    + "/dev/ttyS${p#*:}) & done; wait",
                cancellationToken: Token
            );
            foreach (SerialConsole port in (SerialConsole[])[modem, gps, meter])
            {
                string all = string.Concat(Enumerable.Range(0, 300).Select(i => $"{port.Name} {i}\n"));
                await port.WaitForAsync(all, cancellationToken: Token);
                await vm.Shell.RunAsync($"echo {port.Name} says {word} > {port.DevicePath}", cancellationToken: Token);
                await port.WaitForAsync($"{port.Name} says {word}\n", cancellationToken: Token);
            }
        }
    }

    [Fact]
    public async Task A_password_is_not_typed_before_the_echo_is_off()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);
        SerialConsole port = vm.GetSerialPort("modem");
        // Like many a login, with more to do between its prompt and the end of the echo.
        const string login = """
            exec < /dev/ttyS1 > /dev/ttyS1
            while [ -z "$user" ]; do printf 'modem login: '; read -r user; done
            printf 'Password: '
            i=0; while [ $i -lt 1000 ]; do i=$((i+1)); done
            stty -echo
            read -r password
            [ "$password" = open-sesame ] && printf '\nwelcome # '
            """;
        GuestProcess running = await vm.Shell.StartAsync(login, cancellationToken: Token);
        await port.WaitForAsync("modem login: ", cancellationToken: Token);

        await port.LoginAsync("ann", "open-sesame", TimeSpan.FromSeconds(20), Token);

        port.Log.Text.Should().NotContain("open-sesame").And.EndWith("welcome # ");
        await running.WaitAsync(cancellationToken: Token);
    }

    [Fact]
    public async Task Logs_are_read_line_by_line_until_the_machine_ends()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        IAsyncEnumerable<string> fromNow = vm.Console.ReadLinesAsync(LogStart.Now, Token);
        Task<List<string>> all = ReadAsync(vm.Console.ReadLinesAsync(cancellationToken: Token));
        // The kernel, which has lines of its own for this console, keeps quiet first.
        await vm.Shell.RunAsync("dmesg -n 1; printf '\\none\\ntwo\\nlast' > /dev/ttyS0", cancellationToken: Token);

        List<string> seen = [];
        await foreach (string line in fromNow)
        {
            seen.Add(line);
            if (line == "two")
                break;
        }

        seen.Should().ContainInOrder("one", "two").And.NotContain(line => line.Contains("Linux version", StringComparison.Ordinal));
        await vm.Console.WaitForAsync("\nlast", cancellationToken: Token);
        await vm.KillAsync();
        (await all.WaitAsync(TimeSpan.FromSeconds(10), Token))
            .Should()
            .ContainInOrder("one", "two")
            .And.Contain(line => line.Contains("Linux version", StringComparison.Ordinal));
        (await all)[^1].Should().EndWith("last", "what has no line end is the last line");
    }

    [Fact]
    public async Task Other_names_are_refused_with_those_that_there_are()
    {
        await using var vm = new VirtualMachine(Spec);

        vm.Invoking(machine => machine.GetSerialPort("printer"))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage(
                "*has no serial port \"printer\": add it to MachineSpec.SerialPorts before the start. There: \"modem\", \"gps\", "
                    + "\"meter\".*"
            );
    }

    private static string Folder { get; } = Path.Combine(Path.GetTempPath(), $"testharness-ports-{Guid.NewGuid():N}");

    private static async Task<List<string>> ReadAsync(IAsyncEnumerable<string> lines)
    {
        List<string> all = [];
        await foreach (string line in lines)
            all.Add(line);
        return all;
    }
}
