using TestHarness.Access;
using TestHarness.Files;
using TestHarness.Hosts;
using TestHarness.Operations;
using TestHarness.Text;

namespace TestHarness;

/// <summary>
/// Copies files to the guest and back with rsync, over the agent's port: no network is needed. rsync's rules hold: <c>from/</c> means what
/// is in the folder, <c>from</c> the folder itself; what is there already is not sent again. Received files belong to the receiver: root in
/// the guest, the caller on the host.
/// </summary>
/// <remarks>
/// A guest can't make a pull write outside its target: names that lead out of it are refused, a symbolic link that an earlier pull brought
/// is replaced and not followed, and no device or special file is made. But a link is copied as it is, and may point anywhere on the host:
/// who names a path through one, also as the target of another pull, goes where the guest wants. <see cref="SymbolicLinks.Inside"/> leaves
/// such links out; <see cref="SymbolicLinks.Follow"/> brings what they lead to.
/// </remarks>
public sealed partial class GuestFiles
{
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(10);

    private readonly MachineOperations _machine;
    private readonly Shell _shell;
    private readonly GuestSession _guest;
    private readonly RsyncTunnel _tunnel;

    internal GuestFiles(MachineOperations machine, GuestSession guest, Shell shell) =>
        (_machine, _guest, _shell, _tunnel) = (machine, guest, shell, new RsyncTunnel(guest));

    /// <summary>Copies a file or folder of the host into the guest. Missing folders of the target's path are made.</summary>
    /// <param name="hostPath">The source on the host; a folder with a slash at its end means its contents.</param>
    /// <param name="guestPath">The target in the guest, absolute.</param>
    /// <param name="options">How. Default: everything, deleting nothing, at most 10 minutes.</param>
    /// <param name="cancellationToken">Ends the transfer.</param>
    /// <returns>What was changed.</returns>
    /// <exception cref="FileNotFoundException">There is no such source, or it is a link that leads nowhere and is to be
    /// followed.</exception>
    /// <exception cref="GuestCommandException">rsync failed; its words are in the message.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<SyncResult> PushAsync(
        string hostPath,
        string guestPath,
        SyncOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        GuestPath.RequireAbsolute(guestPath);
        string source = FullPath(hostPath);
        if (!Path.Exists(source))
            throw new FileNotFoundException($"There is nothing to copy into machine '{_machine.Name}': '{source}' does not exist.", source);
        if (options?.Links is SymbolicLinks.Follow && Native.StatusOf(source) is null)
            throw new FileNotFoundException(
                $"There is nothing to copy into machine '{_machine.Name}': '{source}' is a link that leads nowhere.",
                source
            );
        var request = new SyncRequest(IsPush: true, source, guestPath, options ?? SyncOptions.Default);
        return SyncAsync(request, $"copying '{hostPath}' to '{guestPath}' in the guest", cancellationToken);
    }

    /// <summary>Copies a file or folder of the guest to the host. Missing folders of the target's path are made.</summary>
    /// <param name="guestPath">The source in the guest, absolute; a folder with a slash at its end means its contents.</param>
    /// <param name="hostPath">The target on the host.</param>
    /// <param name="options">How. Default: everything, deleting nothing, at most 10 minutes.</param>
    /// <param name="cancellationToken">Ends the transfer.</param>
    /// <returns>What was changed.</returns>
    /// <exception cref="ArgumentException">The options have an <see cref="SyncOptions.Owner"/>.</exception>
    /// <exception cref="GuestCommandException">rsync failed, such as for a source that is not there; its words are in the
    /// message.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<SyncResult> PullAsync(
        string guestPath,
        string hostPath,
        SyncOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        GuestPath.RequireAbsolute(guestPath);
        if (options?.Owner is not null)
            throw new ArgumentException("SyncOptions.Owner is for a push; pulled files belong to the caller.", nameof(options));
        string target = FullPath(hostPath);
        Directory.CreateDirectory(target.EndsWith('/') ? target : Path.GetDirectoryName(target)!);
        var request = new SyncRequest(IsPush: false, target, guestPath, options ?? SyncOptions.Default);
        return SyncAsync(request, $"copying '{guestPath}' from the guest to '{hostPath}'", cancellationToken);
    }

    // Path.GetFullPath keeps the slash at the end, which means something to rsync.
    private static string FullPath(string hostPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(hostPath);
        return Path.GetFullPath(hostPath);
    }

    private async Task<SyncResult> SyncAsync(SyncRequest request, string what, CancellationToken cancellationToken)
    {
        var report = new RsyncReport(request.Options.Progress);
        string[] arguments = [.. request.Arguments(withProgress: request.Options.Progress is not null), .. request.Paths];
        using var wanted = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, report.ReceiverFailed);
        bool byTar = false;
        ShellResult result;
        try
        {
            result = await _machine
                .GuardAsync(
                    what,
                    request.Options.Timeout ?? _machine.Scaled(DefaultLimit),
                    async token =>
                    {
                        if (IsSingleFile(request))
                            return await SendFileAsync(request, report, what, token).ConfigureAwait(false);
                        if (await TryPushFirstAsync(request, report, token).ConfigureAwait(false) is { } pushed)
                            return pushed;
                        try
                        {
                            ShellResult synced = await _tunnel
                                .RunAsync(arguments, _machine.OwnFolder, report.Add, token)
                                .ConfigureAwait(false);
                            return synced with { Command = ShellQuote.Join(["rsync", .. arguments]) };
                        }
                        catch (RsyncMissingException)
                        {
                            byTar = true;
                            return await SyncByTarAsync(request, report, what, token).ConfigureAwait(false);
                        }
                    },
                    wanted.Token,
                    lastSeen: report.Describe
                )
                .ConfigureAwait(false);
            await report.SettleAsync().ConfigureAwait(false);
        }
        catch (Exception) when (report.ReceiverFailure is { } thrown)
        {
            thrown.Throw();
            throw;
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }

        report.ReceiverFailure?.Throw();
        if (!TransferNote.IsWhole(result.ExitCode))
            throw new GuestCommandException(_machine.Facts(), result);
        string note = string.Join(
            "; ",
            (
                (string?[])
                    [
                        byTar ? TarNote : null,
                        TransferNote.Of(result),
                        report.Unlisted > 0 ? $"{report.Unlisted} further changes are not listed" : null,
                    ]
            ).OfType<string>()
        );
        return report.ToResult(byTar && request.IsPush && !request.ComparesByTar) with { Note = note.Length > 0 ? note : null };
    }
}
