using TestHarness.Xunit;
using Xunit;

namespace TestHarness.SampleTests;

public sealed class Secretive : VirtualMachineFixture
{
    public const string Password = "correct, horse's \"battery\"";

    // A boot, because the kernel's arguments are no other machine's.
    protected override MachineSpec Spec =>
        new()
        {
            Image = "tiny",
            Start = StartMode.Cold,
            KernelArguments = "sample.password=tr0ub4dor",
            Secrets = [Password, "tr0ub4dor"],
            CollectOnFailure = ["/tmp/core.*", "/tmp/nothing-*"],
        };
}

public sealed class SecretTests(Secretive secretive) : IClassFixture<Secretive>
{
    [Fact]
    public async Task Fails_with_secrets_and_files()
    {
        Shell shell = secretive.Machine.Shell;
        CancellationToken token = TestContext.Current.CancellationToken;
        await shell.RunAsync(
            "echo a dump > /tmp/core.1; echo $1 > /dev/ttyS0",
            new ShellOptions { Arguments = [Secretive.Password] },
            token
        );
        await shell.RunAsync("echo hello from a command", cancellationToken: token);
        await shell.RunAsync(["sh", "-c", "echo $1; echo $1 >&2; exit 3", "sh", Secretive.Password], cancellationToken: token);
    }
}

public sealed class NoStart : VirtualMachineFixture
{
    protected override MachineSpec Spec => new() { Image = "tiny", ExtraQemuArguments = ["-no-such-option"] };
}

public sealed class NoStartTests(NoStart fixture) : IClassFixture<NoStart>
{
    [Fact]
    public void Fails_with_its_fixture() => Assert.NotNull(fixture.Machine);
}
