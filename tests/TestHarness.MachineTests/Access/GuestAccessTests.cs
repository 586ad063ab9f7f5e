using System.Diagnostics;
using FluentAssertions;
using Renci.SshNet;
using Renci.SshNet.Common;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.MachineTests.Access;

/// <summary>The ways into a guest that has no agent of ours.</summary>
[Fault(
    "Over SSH there is no sshd, or one that stalls before its banner. Something else is on the port. The host key is "
        + "another one, or a key is not let in. The session ends or is reset.",
    "Each step has a name and a limit of its own. Another host key is never accepted. The session comes back with " + "the guest.",
    "SshWayTests"
)]
public sealed class GuestAccessTests
{
    private static readonly MachineSpec Cloud = new() { Image = "debian-12-cloud", GuestAccess = GuestAccess.Ssh };

    // debian-12 has a qemu-ga; its own agent is kept from starting.
    private static readonly MachineSpec WithGuestAgent = new()
    {
        Image = "debian-12",
        GuestAccess = GuestAccess.GuestAgent,
        KernelArguments = "systemd.mask=testharness-agent.service",
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Ssh_comes_back_after_a_rollback_a_reboot_and_the_end_of_its_session()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Cloud, cancellationToken: Token);
        vm.Access.Should().Be(GuestAccess.Ssh);
        vm.IsWarm.Should().BeTrue();
        await vm.Shell.RunAsync("echo kept > /kept", cancellationToken: Token);
        await vm.CheckpointAsync("before", Token);
        await vm.Shell.RunAsync("rm /kept", cancellationToken: Token);

        await vm.RollbackAsync("before", Token);
        (await vm.Shell.RunAsync("cat /kept", cancellationToken: Token)).StandardOutput.Should().Be("kept\n");

        await vm.RebootAsync(cancellationToken: Token);
        (await vm.Shell.RunAsync("cat /kept", cancellationToken: Token)).StandardOutput.Should().Be("kept\n");
        await JoinAsync(vm.Ssh);

        (
            await FluentActions
                .Awaiting(() => vm.Shell.RunAsync("pkill -o sshd-session || pkill -f 'sshd: root'; sleep 60", cancellationToken: Token))
                .Should()
                .ThrowAsync<GuestCommandException>()
        )
            .Which.Message.Should()
            .Contain("pkill");
        (await vm.Shell.RunAsync("cat /kept", cancellationToken: Token)).StandardOutput.Should().Be("kept\n");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Ends_a_machine_over_ssh_whose_qemu_takes_nothing_any_more()
    {
        VirtualMachine vm = await VirtualMachine.StartAsync(Cloud, cancellationToken: Token);
        Signal.Send("STOP", vm);
        // More than the sockets and windows between hold.
        Task[] writing =
        [
            .. Enumerable
                .Range(0, 8)
                .Select(_ => vm.Shell.RunAsync("cat", new ShellOptions { StandardInput = new MemoryStream(new byte[1 << 20]) }, Token)),
        ];

        await vm.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(15), Token);

        await Task.WhenAll(writing).Invoking(all => all).Should().ThrowAsync<MachineExitedException>();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_user_who_may_use_sudo_is_enough_for_ssh()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            Cloud with
            {
                Ssh = new SshAccess { User = "debian" },
            },
            cancellationToken: Token
        );

        (await vm.Shell.RunAsync("id -un", cancellationToken: Token)).StandardOutput.Should().Be("root\n");
        vm.Ssh.User.Should().Be("debian");
        (await JoinAsync(vm.Ssh)).Should().Be("debian\n");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task The_guest_agent_starts_ours_again_after_a_reboot()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(WithGuestAgent, cancellationToken: Token);
        vm.Access.Should().Be(GuestAccess.GuestAgent);
        vm.IsWarm.Should().BeTrue();
        (await vm.Shell.RunAsync("systemctl is-active testharness-agent.service || true", cancellationToken: Token))
            .StandardOutput.Should()
            .Be("inactive\n");

        await vm.RebootAsync(cancellationToken: Token);

        (await vm.Shell.RunAsync("id -un", cancellationToken: Token)).StandardOutput.Should().Be("root\n");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_machine_with_the_agent_opens_to_others_over_ssh()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = "debian-12" }, cancellationToken: Token);
        vm.Access.Should().Be(GuestAccess.Agent);
        FluentActions.Invoking(() => vm.Ssh).Should().Throw<InvalidOperationException>().WithMessage("*OpenSshAsync*");

        SshDetails ssh = await vm.OpenSshAsync(cancellationToken: Token);

        (await JoinAsync(ssh)).Should().Be("root\n");
        vm.Ssh.Should().Be(ssh);
        using (var client = new SshClient(ssh.ToConnectionInfo()))
        {
            await client.ConnectAsync(Token);
            using SshCommand command = client.RunCommand("id -un");
            command.Result.Should().Be("root\n");
        }

        File.GetUnixFileMode(ssh.IdentityFile).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (
            await FluentActions
                .Awaiting(() => vm.OpenSshAsync("nobody-here", cancellationToken: Token))
                .Should()
                .ThrowAsync<GuestCommandException>()
        )
            .Which.Message.Should()
            .Contain("there is no user nobody-here");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Another_host_key_or_a_key_that_is_not_let_in_ends_the_login_at_once()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = "debian-12" }, cancellationToken: Token);
        SshDetails ssh = await vm.OpenSshAsync(cancellationToken: Token);
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            var strange = new SshFiles(Path.Combine(folder, "a"));
            await strange.MakeAsync(hostKey: true, Token);
            (await FailAsync(strange, ssh))
                .Trouble.Should()
                .Match<GuestTrouble>(trouble =>
                    trouble.Fault == MachineFault.HostKeyMismatch
                    && trouble.Text.StartsWith("what answers on the guest's SSH port has another host key than the one that was pinned")
                    && trouble.Text.Contains("(offered: ssh-ed25519 SHA256:")
                );
            using (var client = new SshClient((ssh with { KnownHostsFile = strange.KnownHosts }).ToConnectionInfo()))
            {
                (await client.Awaiting(one => one.ConnectAsync(Token)).Should().ThrowAsync<SshConnectionException>()).WithMessage(
                    "The server's host key is not the one that was pinned."
                );
            }

            string known = (await File.ReadAllTextAsync(ssh.KnownHostsFile, Token)).Split(' ', 2)[1];
            strange.Pin(known);
            (await FailAsync(strange, ssh))
                .Trouble.Should()
                .Match<GuestTrouble>(trouble => trouble.Fault == MachineFault.AccessRefused && trouble.Text.Contains("Permission denied"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_session_over_ssh_ends_at_64_KiB_before_the_agent_and_with_a_guest_that_is_gone()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = "debian-12" }, cancellationToken: Token);
        SshDetails ssh = await vm.OpenSshAsync(cancellationToken: Token);
        await using (SshSession session = await SshSession.OpenAsync(new SshClient(ssh.ToConnectionInfo()), "cat /dev/zero", Token))
        {
            (await session.Awaiting(one => one.ReadLineAsync(Token)).Should().ThrowAsync<AgentLostException>()).WithMessage(
                "*more than 65536 bytes before the agent began"
            );
        }

        await using SshSession exits = await SshSession.OpenAsync(new SshClient(ssh.ToConnectionInfo()), "echo why >&2; exit 7", Token);
        (await exits.Exited.WaitAsync(Token)).Should().Be(7);
        exits.StandardError.Should().Be("why\n");

        await using SshSession left = await SshSession.OpenAsync(new SshClient(ssh.ToConnectionInfo()), "cat", Token);
        await left.WriteAsync("said\n"u8.ToArray(), Token);
        (await left.ReadLineAsync(Token)).Should().Be("said");
        await vm.KillAsync();
        (await left.Exited.WaitAsync(Token)).Should().BeNull();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_start_over_ssh_says_that_nothing_listens()
    {
        var spec = new MachineSpec
        {
            GuestAccess = GuestAccess.Ssh,
            Ssh = new SshAccess { Port = 2222 },
            Start = StartMode.Cold,
            // On a busy host the prompt comes many seconds before the network.
            NoProgressTimeout = TimeSpan.FromSeconds(20),
        };

        MachineStartException thrown = await NotStartAsync(spec);

        thrown.Fault.Should().Be(MachineFault.NoWayIn);
        thrown
            .Summary.Should()
            .MatchRegex("shown a login prompt for [0-9]{2} s, but SSH as root on the guest's port 2222: nothing listens there");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_start_over_ssh_never_takes_another_host_key()
    {
        MachineStartException thrown = await NotStartAsync(
            new MachineSpec
            {
                Image = "debian-12",
                GuestAccess = GuestAccess.Ssh,
                Start = StartMode.Cold,
            }
        );

        thrown.Fault.Should().Be(MachineFault.HostKeyMismatch);
        thrown.Message.Should().Contain("Try: give the guest's own key as SshAccess.HostKey");
    }

    private static async Task<MachineStartException> NotStartAsync(MachineSpec spec) =>
        (
            await FluentActions
                .Awaiting(() => VirtualMachine.StartAsync(spec, cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineStartException>()
        ).Which;

    private static async Task<BootFailedException> FailAsync(SshFiles files, SshDetails ssh)
    {
        await using var way = new SshWay(new SshAccess(), files, ssh.Host, limit => limit);
        return (
            await FluentActions.Awaiting(() => way.ConnectAsync(restored: false, Token)).Should().ThrowAsync<BootFailedException>()
        ).Which;
    }

    private static async Task<string> JoinAsync(SshDetails ssh)
    {
        var start = new ProcessStartInfo(ssh.Arguments[0], [.. ssh.Arguments.Skip(1), "id -un"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync(Token);
        string error = await process.StandardError.ReadToEndAsync(Token);
        await process.WaitForExitAsync(Token);
        error.Should().BeEmpty();
        return output;
    }
}
