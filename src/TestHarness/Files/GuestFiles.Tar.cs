using TestHarness.Agents;
using TestHarness.Files;

namespace TestHarness;

// The ways by tar: for a guest without rsync, and for a folder that goes where there is nothing yet.
public sealed partial class GuestFiles
{
    private const string TarNote = "this guest has no rsync: files go by tar, all of them each time";

    private int _transfers;
    private int _noted;

    private async Task<ShellResult?> TryPushFirstAsync(SyncRequest request, RsyncReport report, CancellationToken cancellationToken)
    {
        if (!FirstPush.Suits(request))
            return null;
        AgentConnection agent = await _guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        return await new FirstPush(agent, request, report, NewFolder()).TryAsync(cancellationToken).ConfigureAwait(false);
    }

    private string NewFolder() => Path.Combine(_machine.OwnFolder, $"t{Interlocked.Increment(ref _transfers)}");

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
        return await new TarTransfer(agent, request, report, NewFolder()).RunAsync(cancellationToken).ConfigureAwait(false);
    }
}
