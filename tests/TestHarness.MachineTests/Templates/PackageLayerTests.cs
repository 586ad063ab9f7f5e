using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Templates;

public sealed class PackageLayerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Packages_come_from_the_host_and_a_service_is_up_in_each_machine()
    {
        MachineSpec spec = new()
        {
            Image = "debian-12",
            Setup =
            [
                SetupStep.Install("nginx-light"),
                SetupStep.WaitForUnit("nginx"),
                SetupStep.WaitForHttp("http://localhost/"),
                SetupStep.WaitForJournal("Started nginx"),
                SetupStep.WaitForText("login:"),
            ],
        };
        await using (await VirtualMachine.StartAsync(spec, cancellationToken: Token)) { }

        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        await vm.Shell.WaitForHttpAsync(new Uri("http://127.0.0.1/"), cancellationToken: Token);
        (await vm.Shell.RunAsync("ls /var/tmp /var/cache/apt/archives", cancellationToken: Token))
            .StandardOutput.Should()
            .NotContain(".deb");
        string[] installs =
        [
            .. Directory
                .EnumerateFiles(
                    Path.GetDirectoryName(LayerTests.LayerOf((await vm.CollectEvidenceAsync(Token)).CommandLine))!,
                    "template.json",
                    SearchOption.AllDirectories
                )
                .Select(File.ReadAllText)
                .Where(note => note.Contains("install nginx-light", StringComparison.Ordinal)),
        ];
        installs.Should().Contain(note => note.Contains("\"nginx-light 1.", StringComparison.Ordinal));
        MachineStartException missing = await LayerTests.Refused(spec with { Setup = [SetupStep.Install("no-such-package")] });
        missing.Message.Should().Contain("Unable to locate package no-such-package");
    }
}
