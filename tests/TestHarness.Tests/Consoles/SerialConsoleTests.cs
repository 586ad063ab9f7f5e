using System.Text;
using FluentAssertions;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Consoles;

public sealed class SerialConsoleTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-serial-").FullName;
    private readonly VirtualMachine _machine = new(new MachineSpec());

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _machine.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Tells_what_its_own_machine_writes_but_not_what_the_template_wrote()
    {
        var seen = new StringBuilder();
        _machine.Console.Received += bytes => seen.Append(Encoding.UTF8.GetString(bytes.Span));
        _machine.Console.Log.Append("[    0.000000] Linux version 6.1\r\nlogin: "u8);

        await WriteAsync("root\r\n", "Kernel panic - not", " syncing\r\n", new string('x', 10_000), "\r\nno line");

        seen.ToString().Should().Be($"root\r\nKernel panic - not syncing\r\n{new string('x', 10_000)}\r\nno line");
        _machine
            .Console.Log.Text.Should()
            .Be($"[    0.000000] Linux version 6.1\nlogin: root\nKernel panic - not syncing\n{new string('x', 10_000)}\nno line");
    }

    [Fact]
    public async Task Goes_on_with_the_console_of_a_new_QEMU()
    {
        await WriteAsync("before");
        await WriteAsync(" and after\r\n");

        _machine.Console.Log.Text.Should().Be("before and after\n");
    }

    // Plays one QEMU on the machine's console.
    private async Task WriteAsync(params string[] parts)
    {
        var pipe = new SerialPipe(_folder, 0);
        await using (
            var console = new FileStream(
                Path.Combine(_folder, "serial.out"),
                FileMode.Open,
                FileAccess.Write,
                FileShare.ReadWrite,
                bufferSize: 0
            )
        )
        {
            _machine.Console.Connect(pipe);
            foreach (string part in parts)
                await console.WriteAsync(Encoding.UTF8.GetBytes(part), TestContext.Current.CancellationToken);
        }

        await _machine.Console.DrainAsync();
    }
}
