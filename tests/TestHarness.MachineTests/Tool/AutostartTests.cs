using System.Text.Json;
using FluentAssertions;
using TestHarness.Tests;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>Machines that start by themselves. No machine runs, and systemctl is a script that notes what it was asked.</summary>
public sealed class AutostartTests : IDisposable
{
    private readonly TestVm _tool = new();

    public AutostartTests()
    {
        _tool.With("XDG_CONFIG_HOME", Path.Combine(_tool.Root, "config"));
        _tool.With(
            "PATH",
            $"{Directory.CreateDirectory(Path.Combine(_tool.Root, "bin")).FullName}:{Environment.GetEnvironmentVariable("PATH")}"
        );
        string machine = Directory.CreateDirectory(Path.Combine(_tool.Data, "machines/web")).FullName;
        File.WriteAllText(
            Path.Combine(machine, "machine.json"),
            """{"image":"tiny","cpus":1,"memoryMiB":512,"disksMiB":[],"forwards":[],"append":"","created":"2026-01-01T00:00:00Z"}"""
        );
    }

    private string Unit => Path.Combine(_tool.Root, "config/systemd/user/testvm-web.service");

    private string Asked => File.ReadAllText(Path.Combine(_tool.Root, "asked"));

    public void Dispose() => _tool.Dispose();

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Are_a_unit_that_is_enabled_and_removed()
    {
        Systemctl("echo \"$*\" >> ROOT/asked");
        (await _tool.DoAsync("status", "web")).Should().MatchRegex("AUTOSTART\nweb .* off\n$");

        (await _tool.RunAsync("autostart", "web", "on"))
            .Error.Should()
            .Be($"Machine 'web' starts when you log in ({Unit}). At the host's start, too: loginctl enable-linger\n");

        (await File.ReadAllTextAsync(Unit, TestContext.Current.CancellationToken))
            .Should()
            .MatchRegex("(?m)^ExecStart=\"/.*testvm\" start web$")
            .And.MatchRegex("(?m)^ExecStop=-\"/.*testvm\" stop web$")
            .And.Contain($"Environment=\"TESTHARNESS_DATA={_tool.Data}\"\n")
            .And.Contain("WantedBy=default.target\n");
        Asked.Should().Be("--user show --property=Version\n--user daemon-reload\n--user enable testvm-web.service\n");
        (await _tool.DoAsync("status", "web")).Should().MatchRegex(" on\n$");
        JsonDocument.Parse(await _tool.DoAsync("list", "--json")).RootElement[0].GetProperty("autostart").GetBoolean().Should().BeTrue();

        (await _tool.RunAsync("autostart", "web", "off")).Error.Should().Be("Machine 'web' does not start by itself any more.\n");
        File.Exists(Unit).Should().BeFalse();
        Asked.Should().EndWith("--user disable testvm-web.service\n--user daemon-reload\n");
        (await _tool.RunAsync("autostart", "web", "off")).Should().Be((0, "", "Machine 'web' does not start by itself.\n"));
    }

    [Fact]
    public async Task Go_with_the_machine()
    {
        Systemctl("echo \"$*\" >> ROOT/asked");
        await _tool.DoAsync("autostart", "web", "on");

        await _tool.DoAsync("delete", "web");

        File.Exists(Unit).Should().BeFalse();
        Asked.Should().Contain("--user disable testvm-web.service\n");
    }

    [Fact]
    public async Task Are_refused_where_no_systemd_can_be_asked()
    {
        Systemctl("echo 'Failed to connect to bus: No medium found' >&2; exit 1");

        (int exitCode, _, string error) = await _tool.RunAsync("autostart", "web", "on");

        (exitCode, error)
            .Should()
            .Be(
                (
                    2,
                    """
                    Machine 'web' can't start by itself: this host has no systemd user manager that can be asked.
                    systemctl --user: Failed to connect to bus: No medium found
                    Try: log in by a session that systemd keeps (ssh, a desktop), or loginctl enable-linger, and again

                    """
                )
            );
        Directory.Exists(Path.Combine(_tool.Root, "config")).Should().BeFalse("nothing is written");
    }

    [Fact]
    public async Task Leave_nothing_where_systemd_refuses_the_unit()
    {
        Systemctl("case $2 in enable) echo 'Access denied' >&2; exit 1;; esac");

        (await _tool.RunAsync("autostart", "web", "on"))
            .Should()
            .Be(
                (
                    1,
                    "",
                    "Machine 'web' does not start by itself: systemctl --user enable testvm-web.service failed.\nsystemctl "
                        + "--user: Access denied\n"
                )
            );

        File.Exists(Unit).Should().BeFalse();
    }

    [Fact]
    public async Task Are_not_taken_for_one_of_the_same_name_elsewhere()
    {
        Systemctl("true");
        Directory.CreateDirectory(Path.GetDirectoryName(Unit)!);
        await File.WriteAllTextAsync(Unit, "Environment=\"TESTHARNESS_DATA=/elsewhere\"\n", TestContext.Current.CancellationToken);

        (await _tool.DoAsync("status", "web")).Should().MatchRegex(" off\n$");
        (await _tool.RunAsync("autostart", "web", "on")).Error.Should().Contain("starts another machine");
        await _tool.DoAsync("delete", "web");
        File.Exists(Unit).Should().BeTrue();
    }

    private void Systemctl(string script) =>
        ExecutableScript.Write(Path.Combine(_tool.Root, "bin/systemctl"), script.Replace("ROOT", _tool.Root));
}
