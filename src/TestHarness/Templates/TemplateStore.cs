using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Images;

namespace TestHarness.Templates;

/// <summary>
/// Keeps templates in the cache, as <c>templates/&lt;key&gt;/</c>. One process makes a template, the others wait for it; it is made under
/// another name and appears by a rename. What is not whole any more is thrown away and made again, and a key that can't be templated is
/// remembered with the reason.
/// </summary>
internal static class TemplateStore
{
    private const string Making = ".making";
    private const string Unfit = ".unfit";

    /// <summary>
    /// Makes a template's files in a folder that is renamed afterwards, or says why that can't be done with this machine.
    /// </summary>
    public delegate Task<MadeTemplate> Maker(string folder, string finalFolder, CancellationToken cancellationToken);

    /// <summary>Returns the template of a key, made where it is not there; or the reason why there is none.</summary>
    /// <param name="key">The key.</param>
    /// <param name="make">Makes the files.</param>
    /// <param name="report">Told for whom is waited, and what was thrown away and why.</param>
    /// <param name="cancellationToken">Ends the wait and the making.</param>
    public static async Task<(Template? Template, string? Reason)> GetAsync(
        string key,
        Maker make,
        Action<string> report,
        CancellationToken cancellationToken
    )
    {
        string folder = Path.Combine(CacheFolder.Templates, key);
        if (FindClosed(folder) is { } closed)
            return (null, closed);
        if (TryOpen(key, folder, again: true, out _) is { } ready)
            return (ready, null);
        if (ReadUnfit(folder) is { } known)
            return (null, known);
        if (CacheFolder.FindObstacle(CacheFolder.Templates) is { } obstacle)
            return (null, obstacle);

        CacheFolder.Create(CacheFolder.Templates);
        using FileLock exclusive = await CacheFolder
            .LockAsync($"{folder}.lock", owner => report($"waiting for {owner}, which makes the template"), cancellationToken)
            .ConfigureAwait(false);
        if (TryOpen(key, folder, again: false, out string? fault) is { } madeMeanwhile)
            return (madeMeanwhile, null);
        if (ReadUnfit(folder) is { } foundMeanwhile)
            return (null, foundMeanwhile);
        if (fault is not null)
        {
            // A layer would take another one's disk for its own.
            if (!TemplateEviction.TryRemoveAbove(folder))
                return (null, $"{fault}, and machines run on layers above it");
            report($"template {key} is thrown away and made again: {fault}");
        }

        Remove(folder);
        string? reason = await MakeAsync(key, folder, make, cancellationToken).ConfigureAwait(false);
        return reason is null ? (TryOpen(key, folder, again: false, out _), null) : (null, reason);
    }

    /// <summary>Makes a template in place of the one that is there under its key, which goes once the new one is whole.</summary>
    /// <param name="key">The key.</param>
    /// <param name="make">Makes the files.</param>
    /// <param name="cancellationToken">Ends the making.</param>
    /// <exception cref="HostNotReadyException">It can't be written, is gone at once, or machines run on the one that is there.</exception>
    public static async Task<Template> ReplaceAsync(string key, Maker make, CancellationToken cancellationToken)
    {
        CacheFolder.Create(CacheFolder.Templates);
        string folder = Path.Combine(CacheFolder.Templates, key);
        using FileLock exclusive = await CacheFolder.LockAsync($"{folder}.lock", onWait: null, cancellationToken).ConfigureAwait(false);
        // Told before a machine is made to stand still for it.
        if (IsInUse(key))
            throw InUse(folder);
        return await KeepAsync(key, make, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes a template under a key that nobody else has.</summary>
    /// <param name="key">The key.</param>
    /// <param name="make">Makes the files.</param>
    /// <param name="cancellationToken">Ends the making.</param>
    /// <exception cref="HostNotReadyException">It can't be written, or is gone at once.</exception>
    public static async Task<Template> KeepAsync(string key, Maker make, CancellationToken cancellationToken)
    {
        CacheFolder.Create(CacheFolder.Templates);
        await MakeAsync(key, Path.Combine(CacheFolder.Templates, key), make, cancellationToken).ConfigureAwait(false);
        string folder = Path.Combine(CacheFolder.Templates, key);
        return TryOpen(key, folder, again: true, out string? fault)
            ?? throw new HostNotReadyException(
                new FailureText($"What was saved in '{folder}' can't be used: {fault ?? "it is not there any more"}.")
            );
    }

    /// <summary>Opens a template that is there, or returns <see langword="null"/>.</summary>
    public static Template? TryOpen(string key) => TryOpen(key, Path.Combine(CacheFolder.Templates, key), again: true, out _);

    /// <summary>Tells whether a machine runs on the template of a key.</summary>
    public static bool IsInUse(string key) => TemplateEviction.IsInUse(Path.Combine(CacheFolder.Templates, key));

    private static async Task<string?> MakeAsync(string key, string folder, Maker make, CancellationToken cancellationToken)
    {
        string making = folder + Making;
        Remove(making);
        CacheFolder.Create(making);
        try
        {
            MadeTemplate made = await make(making, folder, cancellationToken).ConfigureAwait(false);
            if (made.Obstacle is { } reason)
            {
                if (!made.IsPassing)
                    await File.WriteAllTextAsync(folder + Unfit, reason, cancellationToken).ConfigureAwait(false);
                return reason;
            }

            await File.WriteAllBytesAsync(Path.Combine(making, TemplateFiles.InUse), [], cancellationToken).ConfigureAwait(false);
            (
                TemplateDescription.Of(key, making) with
                {
                    Layer = made.Layer,
                    IsFork = made.IsFork,
                    Saved = made.Saved,
                    Cards = made.Cards,
                }
            ).Write(making);
            // Whatever the umask: what a guest had in its memory is for nobody else to read or change.
            string[] files =
            [
                TemplateFiles.State,
                TemplateFiles.InUse,
                TemplateFiles.Description,
                .. Directory.GetFiles(making, "serial*.log"),
            ];
            foreach (string file in files)
                File.SetUnixFileMode(Path.Combine(making, file), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            if (Directory.Exists(folder) && !(TemplateEviction.TryRemoveAbove(folder) && TemplateEviction.TryRemoveHeld(folder)))
                throw InUse(folder);
            Directory.Move(making, folder);
            TemplateEviction.Run(CacheFolder.Templates, keep: folder);
            return null;
        }
        finally
        {
            Remove(making);
        }
    }

    // What a guest had in its memory is nobody else's business: another user's template is closed, and is neither used nor thrown away.
    // QEMU opens the memory for writing, too.
    private static string? FindClosed(string folder)
    {
        string description = Path.Combine(folder, TemplateFiles.Description);
        if (!File.Exists(description))
            return null;
        string[] read = [TemplateFiles.Description, TemplateFiles.InUse, TemplateFiles.State];
        string? closed = read.Select(name => Path.Combine(folder, name))
            .FirstOrDefault(file => File.Exists(file) && !Native.May(file, write: false));
        if (
            closed is null
            && Path.Combine(folder, TemplateFiles.Memory) is var memory
            && File.Exists(memory)
            && !Native.May(memory, write: true)
        )
            closed = memory;
        return closed is null
            ? null
            : $"the one that is there is another user's, or can't be written: '{closed}' is closed to this user (set "
                + "TESTHARNESS_CACHE to a folder of your own)";
    }

    private static Template? TryOpen(string key, string folder, bool again, out string? fault)
    {
        fault = null;
        if (!File.Exists(Path.Combine(folder, TemplateFiles.Description)))
            return null;
        Template? template = TryHold(folder, () => TemplateDescription.FindFault(key, folder), out fault);
        template?.NoteUse(again);
        return template;
    }

    // With all that it lies on.
    private static Template? TryHold(string folder, Func<string?> findFault, out string? fault)
    {
        FileLock? shared = null;
        try
        {
            shared = FileLock.TryTakeShared(Path.Combine(folder, TemplateFiles.InUse));
            fault = shared is null ? "it is being removed" : findFault();
            if (fault is null && TemplateDescription.TryRead(folder) is { } description)
            {
                Template? below = description.Layer is null ? null : TryHoldBelow(folder, description.Layer.Below, out fault);
                if (fault is null)
                    return new Template(folder, shared!, description, below);
            }
        }
        catch (IOException e)
        {
            fault = e.Message;
        }

        shared?.Dispose();
        return null;
    }

    private static Template? TryHoldBelow(string folder, TemplateIdentity identity, out string? fault)
    {
        string lower = Path.Combine(Path.GetDirectoryName(folder)!, identity.Key);
        return TryHold(lower, () => TemplateDescription.FindFaultBelow(identity, lower), out fault);
    }

    private static HostNotReadyException InUse(string folder) =>
        new(new FailureText($"What is kept in '{folder}' can't be replaced, because machines run on it.").Try("end them first."));

    private static string? ReadUnfit(string folder) => File.Exists(folder + Unfit) ? File.ReadAllText(folder + Unfit) : null;

    private static void Remove(string folder)
    {
        if (TemplateFiles.FindForeign(folder) is { } foreign)
        {
            throw new HostNotReadyException(
                new FailureText($"The folder '{folder}' is in the way of a template, and is not removed.")
                    .Add("Reason", $"it has '{foreign}' in it, which is not TestHarness's")
                    .Try("move what is yours elsewhere, or set TESTHARNESS_CACHE to another folder.")
            );
        }

        FolderRemoval.Remove(folder);
    }
}
