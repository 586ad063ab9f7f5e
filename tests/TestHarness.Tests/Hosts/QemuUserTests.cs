using FluentAssertions;
using TestHarness.Hosts;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Hosts;

/// <summary>
/// What is handed to the user that QEMU runs as: what was meant, and nothing that somebody has put at its place. An ordinary user's QEMU is
/// himself, and nothing is handed over.
/// </summary>
[Fault(
    "The tests run as root, and somebody broke out of a guest into QEMU. This attacker puts links, second names or "
        + "pipes in the places of files, or races.",
    "No file of another user is read, given away, changed or removed. Nobody else reaches the folders.",
    "QemuFileTests",
    "FolderRemovalTests",
    "QemuFolderTests"
)]
public sealed class QemuUserTests : IDisposable
{
    private const UnixFileMode Open = (UnixFileMode)0x1ed;

    private readonly string _folder = Directory.CreateTempSubdirectory("qemu-user").FullName;
    private readonly string _ours;

    public QemuUserTests()
    {
        File.SetUnixFileMode(_folder, Open);
        _ours = Path.Combine(_folder, "ours");
        File.WriteAllText(_ours, "ours");
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Gets_a_file_that_we_made()
    {
        QemuUser.Give(_ours);

        OwnerOf(_ours).Should().Be(QemuUser.Id);
    }

    [Theory]
    [InlineData("-s", "a symbolic link")]
    [InlineData("-f", "2 names")]
    public async Task Does_not_get_what_a_link_leads_to(string kind, string reason)
    {
        string link = Path.Combine(_folder, "link");
        (await HelperProgram.RunAsync("ln", [kind, _ours, link], null, Token)).ExitCode.Should().Be(0);

        Exception? thrown = Record.Exception(() => QemuUser.Give(link));

        OwnerOf(_ours).Should().Be(Native.EffectiveUserId());
        if (QemuUser.IsOther)
            thrown
                .Should()
                .BeOfType<IOException>()
                .Which.Message.Should()
                .StartWith($"'{link}' is not handed to the user that QEMU runs as: ")
                .And.Contain(reason);
    }

    [Fact]
    public async Task Does_not_get_what_a_racing_process_of_its_own_puts_there()
    {
        string theirs = Directory.CreateDirectory(Path.Combine(_folder, "theirs")).FullName,
            name = Path.Combine(theirs, "disk");
        QemuUser.HandOver(theirs);
        using var end = new CancellationTokenSource();
        var began = new TaskCompletionSource();
        Task racing = HelperProgram.RunAsync(
            "setpriv",
            [
                .. QemuUser.SetPrivArguments(null),
                "sh",
                "-c",
                "echo; while :; do ln -sf ../ours \"$1\"; : > \"$1.new\"; mv \"$1.new\" \"$1\"; done",
                "sh",
                name,
            ],
            new HelperOptions { OnOutputLine = _ => began.TrySetResult() },
            end.Token
        );
        await began.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);

        for (int attempt = 0; attempt < 2000 && OwnerOf(_ours) == Native.EffectiveUserId(); attempt++)
            Record.Exception(() => QemuUser.Give(name));

        OwnerOf(_ours).Should().Be(Native.EffectiveUserId());
        await end.CancelAsync();
        await racing.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task Gets_the_disks_of_an_earlier_version_and_not_their_folder()
    {
        string disks = Directory.CreateDirectory(Path.Combine(_folder, "disks")).FullName,
            disk = Path.Combine(disks, "disk.qcow2");
        await File.WriteAllTextAsync(disk, "disk", Token);
        if (QemuUser.IsOther)
            (await HelperProgram.RunAsync("chown", ["-R", "65534:65534", disks], null, Token)).ExitCode.Should().Be(0);

        KeptDisks.Admit(disks);

        OwnerOf(disk).Should().Be(QemuUser.Id);
        OwnerOf(disks).Should().Be(Native.EffectiveUserId());
    }

    private static uint OwnerOf(string path) => Native.StatusOfItself(path)!.Value.User;
}
