using System.Diagnostics;
using System.Runtime.CompilerServices;
using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

/// <summary>What a person has set for the own use of tar, rsync or apt changes nothing of what the library has them do.</summary>
[Fault(
    "`TAR_OPTIONS`, `RSYNC_*`, `APT_CONFIG`, `XZ_DEFAULTS`, a language or similar variables are set where the tests " + "run.",
    "They reach no helper program."
)]
public sealed class HelperEnvironmentTests : IDisposable
{
    private static readonly string[] Strangers =
    [
        "TAR_OPTIONS",
        "RSYNC_ICONV",
        "RSYNC_RSH",
        "GIT_DIR",
        "GREP_OPTIONS",
        "BLOCKSIZE",
        "LC_MESSAGES",
        "LANGUAGE",
        "APT_CONFIG",
        "GNUPGHOME",
        "XZ_DEFAULTS",
        "ZSTD_CLEVEL",
        "MKE2FS_CONFIG",
        "SOURCE_DATE_EPOCH",
        "SSH_ASKPASS",
        "QEMU_AUDIO_DRV",
    ];

    public HelperEnvironmentTests() => Array.ForEach(Strangers, name => Environment.SetEnvironmentVariable(name, "stranger"));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Array.ForEach(Strangers, name => Environment.SetEnvironmentVariable(name, null));

    [Fact]
    public async Task Reaches_no_helper_program()
    {
        HelperResult result = await HelperProgram.RunAsync(
            "env",
            [],
            new HelperOptions { Environment = new Dictionary<string, string> { ["OURS"] = "1" } },
            Token
        );

        result.StandardOutput.Should().NotContain("stranger");
        result
            .StandardOutput.Split('\n')
            .Should()
            .Contain("OURS=1")
            .And.Contain("LC_ALL=C.UTF-8")
            .And.Contain($"PATH={Environment.GetEnvironmentVariable("PATH")}");
    }

    [Fact]
    public void Reaches_QEMU_but_for_what_changes_it()
    {
        var start = new ProcessStartInfo("qemu");
        HelperEnvironment.GiveToQemu(start);

        start
            .Environment.Should()
            .ContainKey("GIT_DIR")
            .And.NotContainKey("QEMU_AUDIO_DRV")
            .And.NotContainKey("LC_MESSAGES")
            .And.NotContainKey("LANGUAGE");
    }

    [Fact]
    public void Is_decided_wherever_a_process_is_started()
    {
        string[] starting =
        [
            .. Sources()
                .Where(file =>
                    File.ReadAllText(file) is var text
                    && (
                        text.Contains("new ProcessStartInfo", StringComparison.Ordinal)
                        || text.Contains("Cli.Wrap(", StringComparison.Ordinal)
                    )
                ),
        ];

        starting
            .Should()
            .HaveCountGreaterThanOrEqualTo(3)
            .And.OnlyContain(file => File.ReadAllText(file).Contains("HelperEnvironment.Give", StringComparison.Ordinal));
    }

    private static string[] Sources([CallerFilePath] string here = "") =>
        [
            .. Directory
                .GetFiles(Path.Combine(Path.GetDirectoryName(here)!, "../../../src/TestHarness"), "*.cs", SearchOption.AllDirectories)
                .Where(file => !file.Contains("/obj/", StringComparison.Ordinal)),
        ];
}
