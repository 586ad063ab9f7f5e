using System.Globalization;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Networks;

public sealed class MetadataTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answers_twenty_requests_at_once_and_a_hundred_in_a_row()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        int atOnce = 0,
            most = 0;
        vm.Metadata.Handle("/", request => MetadataResponse.Text($"{request.Path}?{request.Query}\n"));
        vm.Metadata.Handle("/wait", async (_, token) =>
        {
            // None is answered before all twenty are there.
            most = Math.Max(most, Interlocked.Increment(ref atOnce));
            while (Volatile.Read(ref atOnce) < 20)
                await Task.Delay(5, token);
            return MetadataResponse.Text("there\n");
        });

        ShellResult parallel = await vm.Shell.RunAsync(
            "for i in $(seq 20); do timeout 60 wget -q -O - http://169.254.169.254/wait & done; wait",
            cancellationToken: Token
        );
        ShellResult row = await vm.Shell.RunAsync(
            "for i in $(seq 100); do wget -q -O - \"http://169.254.169.254/n/$i?a=$i\"; done",
            cancellationToken: Token
        );

        parallel.StandardOutput.Should().Be(string.Concat(Enumerable.Repeat("there\n", 20)));
        row.StandardOutput.Should()
            .Be(string.Concat(Enumerable.Range(1, 100).Select(i => $"/n/{i.ToString(CultureInfo.InvariantCulture)}?a={i}\n")));
    }

    [Fact]
    public async Task Answers_500_when_a_handler_throws_and_notes_why()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        vm.Metadata.Handle("/broken", _ => throw new InvalidOperationException("no such thing"));

        ShellResult broken = await vm.Shell.TryRunAsync("wget -O - http://169.254.169.254/broken", cancellationToken: Token);
        ShellResult missing = await vm.Shell.TryRunAsync("wget -O - http://169.254.169.254/other", cancellationToken: Token);

        broken.StandardError.Should().Contain("500 Internal Server Error");
        missing.StandardError.Should().Contain("404 Not Found");
        (await vm.CollectEvidenceAsync(Token))
            .Events.Where(entry => entry.Kind == MachineEventKind.Guest)
            .Select(entry => $"{entry.What}: {entry.Outcome}")
            .Should()
            .Equal("metadata GET /broken: 500, handler threw InvalidOperationException: no such thing", "metadata GET /other: 404");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Is_there_again_after_a_reboot_and_a_rollback()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.CheckpointAsync("before", Token);
        int asked = 0;
        vm.Metadata.Handle("/count", _ => MetadataResponse.Text($"{++asked}"));
        const string ask = "timeout 20 wget -q -O - http://169.254.169.254/count";

        (await vm.Shell.RunAsync(ask, cancellationToken: Token)).Should().HaveOutput("1");
        await vm.CheckpointAsync("listening", Token);
        // To before the guest had the address, and to where it had a listener that nobody on the host knows any more.
        foreach ((string checkpoint, string answer) in ((string, string)[])[("before", "2"), ("listening", "3"), ("listening", "4")])
        {
            await vm.RollbackAsync(checkpoint, Token);
            (await vm.Shell.RunAsync(ask, cancellationToken: Token)).Should().HaveOutput(answer);
        }

        // The first one to a new QEMU, the second within that one.
        await vm.RebootAsync(cancellationToken: Token);
        (await vm.Shell.RunAsync(ask, cancellationToken: Token)).Should().HaveOutput("5");
        await vm.RebootAsync(cancellationToken: Token);
        (await vm.Shell.RunAsync(ask, cancellationToken: Token)).Should().HaveOutput("6");
    }

    [Fact]
    public async Task Is_there_from_the_start_when_it_was_set_before_and_needs_no_network_card()
    {
        await using var vm = new VirtualMachine(new MachineSpec { Network = NetworkMode.None });
        vm.Metadata.Handle("/seed/", MetadataTrees.NoCloud(new NoCloudMetadata { Hostname = "one", UserData = "#!/bin/sh\n" }));
        await vm.StartAsync(cancellationToken: Token);

        (await vm.Shell.RunAsync("wget -q -O - http://169.254.169.254/seed/meta-data", cancellationToken: Token))
            .Should()
            .HaveOutput("instance-id: \"testharness\"\nlocal-hostname: \"one\"");
    }

    [Fact]
    public async Task Reaches_no_other_machine()
    {
        await using VirtualMachine one = await tiny.StartFreshAsync(Token);
        await using VirtualMachine other = await tiny.StartFreshAsync(Token);
        one.Metadata.Handle("/", _ => MetadataResponse.Text("one"));
        await one.Metadata.WaitUntilListeningAsync(cancellationToken: Token);

        (await other.Shell.TryRunAsync("timeout 3 wget -q -O - http://169.254.169.254/", cancellationToken: Token)).Should().Fail();
        other.Metadata.Handle("/", _ => MetadataResponse.Text("other"));
        (await other.Shell.RunAsync("wget -q -O - http://169.254.169.254/", cancellationToken: Token)).Should().HaveOutput("other");
        (await one.Shell.RunAsync("wget -q -O - http://169.254.169.254/", cancellationToken: Token)).Should().HaveOutput("one");
    }

    [Fact]
    public async Task Says_why_when_the_guest_has_the_port_itself_and_runs_commands_all_the_same()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm
            .Metadata.Invoking(metadata => metadata.WaitUntilListeningAsync(cancellationToken: Token))
            .Should()
            .ThrowAsync<InvalidOperationException>()
            .WithMessage("*call Metadata.Handle first*");
        await vm.Shell.RunAsync(
            "(nc -l -p 80 > /dev/null 2>&1 < /dev/null &) ; until netstat -ltn | grep -q ':80 '; do usleep 10000; done",
            cancellationToken: Token
        );

        vm.Metadata.Handle("/", _ => MetadataResponse.Text("one"));

        (await vm.Shell.RunAsync("echo works", cancellationToken: Token)).Should().HaveOutput("works");
        await vm
            .Metadata.Invoking(metadata => metadata.WaitUntilListeningAsync(cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*listen 169.254.169.254 port 80: *in use*");
        (await vm.CollectEvidenceAsync(Token))
            .Events.Should()
            .Contain(entry => entry.What == "metadata service" && entry.Outcome!.Contains("in use"));
    }

    [Trait("Speed", "Slow")]
    [Theory, VirtualMachine("debian-12")]
    public async Task Gives_ec2_tokens_to_a_debian(VirtualMachine vm)
    {
        vm.Metadata.Handle(
            "/",
            MetadataTrees.Ec2(
                new Ec2Metadata
                {
                    RequireToken = true,
                    PublicKeys = new Dictionary<string, string> { ["me"] = "ssh-ed25519 AAAA me" },
                }
            )
        );
        const string script = """
            ask() { # method path header
                exec 3<> /dev/tcp/169.254.169.254/80
                printf '%s %s HTTP/1.1\r\nHost: 169.254.169.254\r\n%s\r\nConnection: close\r\n\r\n' "$1" "$2" "$3" >&3
                tr -d '\r' <&3
                echo
            }
            ask GET /latest/meta-data/instance-id 'X-None: 1' | head -n 1
            token=$(ask PUT /latest/api/token 'X-aws-ec2-metadata-token-ttl-seconds: 60' | tail -n 1)
            ask GET /latest/meta-data/instance-id "X-aws-ec2-metadata-token: $token" | tail -n 1
            ask GET /latest/meta-data/public-keys/ "X-aws-ec2-metadata-token: $token" | tail -n 1
            ask GET /2009-04-04/meta-data/public-keys/0/openssh-key "X-aws-ec2-metadata-token: $token" | tail -n 1
            """;

        (await vm.Shell.RunAsync(["bash", "-c", script], cancellationToken: Token))
            .Should()
            .HaveOutput("HTTP/1.1 401 Unauthorized\ni-0123456789abcdef0\n0=me\nssh-ed25519 AAAA me");

        await vm.RebootAsync(cancellationToken: Token);
        (await vm.Shell.RunAsync(["bash", "-c", script], cancellationToken: Token)).Should().Succeed();
    }
}
