using TestHarness.Agents;
using TestHarness.Files;

namespace TestHarness;

// The way for a guest without rsync.
public sealed partial class GuestFiles
{
    private const string TarNote = "this guest has no rsync: files go by tar, all of them each time";

    private int _transfers;
    private int _noted;

    private async Task<ShellResult> SyncByTarAsync(
        SyncRequest request,
        RsyncReport report,
        string what,
        CancellationToken cancellationToken
    )
    {
        if (Interlocked.Exchange(ref _noted, 1) == 0)
            _machine.Record.NoteGuest(TarNote);
        AgentConnection agent = await _guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        string folder = Path.Combine(_machine.OwnFolder, $"t{Interlocked.Increment(ref _transfers)}");
        return await new TarTransfer(agent, request, report, folder).RunAsync(cancellationToken).ConfigureAwait(false);
    }
}
