using System.Globalization;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Access;

/// <summary>
/// What a shell, files and the rest of a Debian guest do, whichever way the library gets into it. A subclass names the machine, which its
/// tests share: each keeps to a folder of its own.
/// </summary>
/// <param name="fixture">The machine.</param>
/// <param name="way">The way into it.</param>
public abstract partial class EveryWayTests(VirtualMachineFixture fixture, GuestAccess way)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private VirtualMachine Vm => fixture.Machine;

    private Shell Shell => Vm.Shell;

    /// <summary>Gets the test's own folder in the guest, which it makes if it needs it.</summary>
    private string Folder { get; } = $"/tmp/way-{Guid.NewGuid():N}";

    [Fact]
    public void Takes_the_way_that_was_asked_for() => Vm.Access.Should().Be(way);

    [Fact]
    public async Task Has_the_machines_name() => (await Shell.RunAsync("uname -n", cancellationToken: Token)).Should().HaveOutput(Vm.Name);

    [Fact]
    public async Task Has_the_hosts_time()
    {
        DateTimeOffset before = DateTimeOffset.UtcNow;
        ShellResult date = await Shell.RunAsync("date +%s.%N", cancellationToken: Token);
        DateTimeOffset after = DateTimeOffset.UtcNow;

        DateTimeOffset
            .UnixEpoch.AddSeconds(double.Parse(date.StandardOutput, CultureInfo.InvariantCulture))
            .Should()
            .BeAfter(before.AddSeconds(-1))
            .And.BeBefore(after.AddSeconds(1));
    }

    [Fact]
    public async Task Reaches_the_metadata_service()
    {
        Vm.Metadata.Handle("/way", request => MetadataResponse.Text($"{request.Path} is answered"));

        ShellResult answer = await Shell.RunAsync(
            [
                "bash",
                "-c",
                "exec 3<>/dev/tcp/169.254.169.254/80; printf 'GET /way HTTP/1.0\\r\\nHost: metadata\\r\\n\\r\\n' >&3; timeout 20 cat <&3",
            ],
            cancellationToken: Token
        );

        answer.StandardOutput.Should().StartWith("HTTP/1.1 200 ").And.EndWith("\r\n\r\n/way is answered");
    }

    // A kill is asked for and not waited for where the call has another reason to end.
    private async Task AssertNoneIsLeftAsync(string sleep) =>
        await Shell.WaitUntilFailsAsync($"pgrep -fa '{sleep[..^1]}[{sleep[^1]}]'", TimeSpan.FromSeconds(10), Token);
}
