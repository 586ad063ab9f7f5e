using System.Diagnostics;
using System.Formats.Tar;
using System.Text;
using FluentAssertions;
using TestHarness.Files;
using Xunit;

namespace TestHarness.Tests.Files;

/// <summary>Hostile archives, through the sieve and into the host's tar, as a pull unpacks them.</summary>
[Fault(
    "The guest's tar or rsync sends names that lead out, links, devices, set-user-id, or more than was asked for.",
    "Nothing is written outside the target. Nothing special is written in it.",
    "GuestFileTarTests",
    "GuestFileTroubleTests"
)]
public sealed class TarSieveTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-sieve-").FullName;
    private readonly MemoryStream _archive = new();
    private readonly TarWriter _writer;

    public TarSieveTests() => _writer = new TarWriter(_archive, TarEntryFormat.Gnu, leaveOpen: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _writer.Dispose();
        _archive.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Passes_on_folders_files_links_and_long_names()
    {
        string longName = $"{new string('n', 200)}/{new string('m', 255)}";
        Add(TarEntryType.Directory, "folder");
        Add(TarEntryType.RegularFile, "folder/file", "content");
        Add(TarEntryType.RegularFile, longName, "long");
        Add(TarEntryType.SymbolicLink, "link", "folder/file");
        Add(TarEntryType.HardLink, "hard", "folder/file");

        (await UnpackAsync()).Should().Be((0, ""));

        File.ReadAllText(Unpacked("hard")).Should().Be("content");
        File.ReadAllText(Unpacked(longName)).Should().Be("long");
        new FileInfo(Unpacked("link")).LinkTarget.Should().Be("folder/file");
    }

    [Fact]
    public async Task Leaves_out_devices_and_pipes_and_takes_set_user_id_away()
    {
        Add(TarEntryType.CharacterDevice, "device");
        Add(TarEntryType.BlockDevice, "disk");
        Add(TarEntryType.Fifo, "pipe");
        Add(TarEntryType.RegularFile, "program", "x", (UnixFileMode)0b111_000_101_101);
        Add(TarEntryType.Directory, "closed", mode: UnixFileMode.None);

        (await UnpackAsync()).Should().Be((0, ""));

        Directory.GetFileSystemEntries(Unpacked("")).Select(Path.GetFileName).Should().BeEquivalentTo("program", "closed");
        File.GetUnixFileMode(Unpacked("program")).Should().Be((UnixFileMode)0b100_101_101);
        File.GetUnixFileMode(Unpacked("closed"))
            .Should()
            .HaveFlag(UnixFileMode.UserExecute | UnixFileMode.UserWrite | UnixFileMode.UserRead);
    }

    [Theory]
    [InlineData("{0}/absolute")]
    [InlineData("../up")]
    [InlineData("a/../../up")]
    [InlineData("link/through")]
    [InlineData("up/through")]
    public async Task Writes_nothing_outside_by_a_name(string name)
    {
        Add(TarEntryType.SymbolicLink, "link", _folder);
        Add(TarEntryType.SymbolicLink, "up", "..");
        Add(TarEntryType.RegularFile, string.Format(null, name, _folder), "evil");

        await UnpackAsync();

        Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Should().Equal("tree");
    }

    [Theory]
    [InlineData("{0}/secret")]
    [InlineData("../secret")]
    [InlineData("link/secret")]
    public async Task Links_to_nothing_outside_and_says_so(string target)
    {
        File.WriteAllText($"{_folder}/secret", "secret");
        Add(TarEntryType.SymbolicLink, "link", _folder);
        Add(TarEntryType.HardLink, "hard", string.Format(null, target, _folder));

        (await UnpackAsync()).ExitCode.Should().NotBe(0);

        File.Exists(Unpacked("hard")).Should().BeFalse();
    }

    [Fact]
    public async Task Refuses_what_is_no_archive_breaks_off_or_hides_sizes()
    {
        await Sieve(new byte[100]).Should().ThrowAsync<InvalidDataException>().WithMessage("*breaks off*");
        await Sieve(Encoding.ASCII.GetBytes(new string('x', 512))).Should().ThrowAsync<InvalidDataException>();
        Add(TarEntryType.RegularFile, "file", new string('x', 2000));
        _writer.Dispose();
        await Sieve(_archive.ToArray()[..1000])
            .Should()
            .ThrowAsync<InvalidDataException>()
            .WithMessage("*breaks off in the middle of a file*");

        using var pax = new MemoryStream();
        await using (var writer = new TarWriter(pax, TarEntryFormat.Pax))
            await writer.WriteEntryAsync(
                new PaxTarEntry(TarEntryType.RegularFile, "f", new Dictionary<string, string> { ["a"] = "x size=512" }),
                Token
            );
        await Sieve(pax.ToArray()).Should().ThrowAsync<InvalidDataException>().WithMessage("*size*");
    }

    [Fact]
    public async Task Holds_no_endless_name()
    {
        using var archive = new MemoryStream();
        await using (var writer = new TarWriter(archive, TarEntryFormat.Gnu))
            await writer.WriteEntryAsync(new GnuTarEntry(TarEntryType.RegularFile, new string('n', 2_000_000)), Token);

        await Sieve(archive.ToArray()).Should().ThrowAsync<InvalidDataException>().WithMessage("*a name or attributes of*");
    }

    private static Func<Task> Sieve(byte[] archive) => () => new TarSieve(new MemoryStream(archive), Stream.Null, _ => { }).RunAsync(Token);

    private string Unpacked(string name) => Path.Combine(_folder, "tree", name);

    private void Add(TarEntryType type, string name, string content = "", UnixFileMode mode = (UnixFileMode)0b110_100_100)
    {
        var entry = new GnuTarEntry(type, name) { Mode = mode };
        if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
            entry.LinkName = content;
        else if (type is TarEntryType.RegularFile)
            entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content));
        _writer.WriteEntry(entry);
    }

    private async Task<(int ExitCode, string Words)> UnpackAsync()
    {
        _writer.Dispose();
        Directory.CreateDirectory(Unpacked(""));
        using Process tar = Process.Start(
            new ProcessStartInfo("tar", ["-x", "-p", "--no-same-owner", "-f", "-", "-C", Unpacked("")])
            {
                RedirectStandardInput = true,
                RedirectStandardError = true,
            }
        )!;
        Task<string> words = tar.StandardError.ReadToEndAsync(Token);
        await new TarSieve(new MemoryStream(_archive.ToArray()), tar.StandardInput.BaseStream, _ => { }).RunAsync(Token);
        tar.StandardInput.Close();
        await tar.WaitForExitAsync(Token);
        return (tar.ExitCode, await words);
    }
}
