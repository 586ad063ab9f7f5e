using FluentAssertions;
using TestHarness.MachineTests.Templates;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>
/// A cache that belongs to another user, such as root's: what can be read there is used, nothing is written, and what is missing is named.
/// </summary>
[Fault(
    "The cache belongs to another user, such as root, or can't be written.",
    "A machine boots from the image that is there, and `vm.StartNote` says why it is not warm. If an image is "
        + "missing, the error names it and the ways out."
)]
public sealed class SharedCacheTests(Tiny tiny) : IDisposable
{
    // Its own copy of the program: the repository may be where another user can't read.
    private const string AsUser =
        "chown 54321 \"$TESTHARNESS_RUN\"; export HOME=/no/such/home; exec setpriv --reuid=54321 --regid=54321 --clear-groups -- "
        + "\"$1\" \"$PROGRAM/$(basename \"$2\")\" run";

    private readonly string _root = Directory.CreateDirectory($"/var/tmp/th-{Guid.NewGuid():N}"[..20]).FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Cache => Path.Combine(_root, "cache");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_machine_boots_from_another_users_image_and_its_closed_template_is_left_alone()
    {
        await PrepareAsync();
        File.CreateSymbolicLink(Path.Combine(Cache, "images"), await UsualCache.ImagesOfAsync(tiny.Machine, Token));
        using var owner = new SampleProgram(Cache);
        (await owner.RunAsync("run")).Should().Be((0, "Linux\nwarm\n"));
        string[] before = Snapshot();

        (int exitCode, string output) = await RunAsUserAsync();

        exitCode.Should().Be(0, output);
        output
            .Should()
            .Be(
                "Linux\nboots, because it can't be kept as a warm template: this user may not write to "
                    + $"'{Path.Combine(Cache, "templates")}' (set TESTHARNESS_CACHE to a folder of your own)\n"
            );
        Snapshot().Should().Equal(before, "nothing was written");
        (await owner.RunAsync("run")).Should().Be((0, "Linux\nwarm\n"));
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_machine_boots_where_another_users_cache_has_no_template_for_it(bool folder)
    {
        await PrepareAsync();
        File.CreateSymbolicLink(Path.Combine(Cache, "images"), await UsualCache.ImagesOfAsync(tiny.Machine, Token));
        if (folder)
            Directory.CreateDirectory(Path.Combine(Cache, "templates"));
        string[] before = Snapshot();

        (int exitCode, string output) = await RunAsUserAsync();

        exitCode.Should().Be(0, output);
        output
            .Should()
            .Be(
                (
                    "Linux\nboots, because it can't be kept as a warm template: this user may not write to "
                    + $"'{Path.Combine(Cache, folder ? "templates" : "")}' (set TESTHARNESS_CACHE to a folder of your own)\n"
                ).Replace("/'", "'", StringComparison.Ordinal)
            );
        Snapshot().Should().Equal(before);
    }

    [Fact]
    public async Task An_image_that_another_users_cache_lacks_is_named_with_the_ways_out()
    {
        await PrepareAsync();
        Directory.CreateDirectory(Path.Combine(Cache, "images/tiny"));
        string[] before = Snapshot();

        (int exitCode, string output) = await RunAsUserAsync();

        exitCode.Should().Be(1, output);
        output
            .Should()
            .StartWith($"HostNotReadyException: The folder for images, '{Cache}', cannot be written.\nReason: ")
            .And.Contain("Permission denied")
            .And.Contain(
                "Try: set TESTHARNESS_CACHE to a folder that this user can write; or have the owner of this one make there what "
                    + "is missing: testvm image build"
            );
        Snapshot().Should().Equal(before);
    }

    private async Task PrepareAsync()
    {
        Environment.IsPrivilegedProcess.Should().BeTrue("this test acts as two users: run it as root, or in a container where you are");
        Directory.CreateDirectory(Cache);
        (int exitCode, string output) = await Repository.RunAsync(
            "cp",
            ["-r", Path.GetDirectoryName(SampleProgram.Path)!, Path.Combine(_root, "program")],
            null,
            Token
        );
        exitCode.Should().Be(0, output);
    }

    private async Task<(int ExitCode, string Output)> RunAsUserAsync()
    {
        using SampleProgram program = new SampleProgram(Cache).With("PROGRAM", Path.Combine(_root, "program"));
        return await program.RunInMountsAsync(AsUser);
    }

    // Not of what a link leads to, the usual cache, where other tests build images.
    private string[] Snapshot() =>
        [
            .. new DirectoryInfo(Cache)
                .EnumerateFileSystemInfos(
                    "*",
                    new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }
                )
                .Select(entry => $"{entry.FullName} {entry.LastWriteTimeUtc:O}")
                .Order(StringComparer.Ordinal),
        ];
}
