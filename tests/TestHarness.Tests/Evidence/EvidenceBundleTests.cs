using FluentAssertions;
using TestHarness.Screens;
using Xunit;

namespace TestHarness.Tests.Evidence;

public sealed class EvidenceBundleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-bundle-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Writes_everything_that_there_is()
    {
        var evidence = new MachineEvidence("m-1", "log\n", Frame(1), "words\n", "qemu -x", "#!/bin/sh\n")
        {
            Events = [new MachineEvent(DateTimeOffset.UnixEpoch, TimeSpan.Zero, MachineEventKind.End, "kill")],
            Frames = [Frame(2), Frame(1)],
            Journal = "journal\n",
            Notes = ["files: nothing matches /x"],
        };
        string folder = Path.Combine(_folder, "bundle");

        await evidence.SaveAsync(folder, TestContext.Current.CancellationToken);

        Names(folder)
            .Should()
            .Equal(
                "command-line.txt",
                "events.jsonl",
                "frames/1.png",
                "frames/2.png",
                "journal.txt",
                "notes.txt",
                "qemu-stderr.txt",
                "repro.sh",
                "screen.png",
                "serial.log"
            );
        File.ReadAllText(Path.Combine(folder, "events.jsonl"))
            .Should()
            .Be("{\"time\":\"1970-01-01T00:00:00.0000000Z\",\"ms\":0,\"kind\":\"end\",\"what\":\"kill\"}\n");
        File.ReadAllText(Path.Combine(folder, "notes.txt")).Should().Be("files: nothing matches /x\n");
        File.GetUnixFileMode(folder)
            .Should()
            .Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, "it is nobody else's business");
    }

    [Fact]
    public async Task Leaves_out_what_there_is_not()
    {
        await new MachineEvidence("m-1", "", null, "", "", "").SaveAsync(_folder, TestContext.Current.CancellationToken);

        Names(_folder).Should().Equal("command-line.txt", "events.jsonl", "qemu-stderr.txt", "repro.sh", "serial.log");
    }

    [Fact]
    public void Keeps_the_last_frames_that_differ()
    {
        var frames = new FrameHistory();
        foreach (byte picture in (byte[])[1, 2, 3, 4, 5, 6, 6, 3])
            frames.Add(Frame(picture));

        frames.ToList().Select(frame => (byte)frame.Pixels.Pixels[0]).Should().Equal(2, 4, 5, 6, 3);
    }

    private static Screenshot Frame(byte picture) => new(PixelImage.Filled(2, 2, 0xff000000 | picture));

    private static IEnumerable<string> Names(string folder) =>
        Directory
            .GetFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file))
            .Order(StringComparer.Ordinal);
}
