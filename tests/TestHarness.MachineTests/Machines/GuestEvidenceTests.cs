using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>What only the guest has, asked of a guest that does not give it.</summary>
public sealed class GuestEvidenceTests(Tiny tiny) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-evidence-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_journal_that_does_not_end_is_kept_as_far_as_it_came()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Files.WriteTextAsync(
            "/usr/bin/journalctl",
            "#!/bin/sh\necho as far as it came\nexec sleep 600\n",
            cancellationToken: Token
        );
        await vm.Shell.RunAsync("chmod +x /usr/bin/journalctl", cancellationToken: Token);

        MachineEvidence evidence = await vm.SaveEvidenceAsync(_folder, Token).WaitAsync(TimeSpan.FromMinutes(2), Token);

        evidence.Journal.Should().Be("as far as it came\n");
        File.ReadAllText(Path.Combine(_folder, "journal.txt")).Should().Be(evidence.Journal);
        File.ReadAllText(Path.Combine(_folder, "notes.txt"))
            .Should()
            .MatchRegex("^journal: cut off after [1-9][0-9]+ s, or by the machine's end\n$");
        // The guest's program ends with the wait, a moment later: its processes are looked for first.
        await vm.Shell.WaitUntilFailsAsync("pidof sleep", TimeSpan.FromSeconds(10), Token);
    }
}
