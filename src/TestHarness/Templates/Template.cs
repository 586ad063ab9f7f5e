using TestHarness.Hosts;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness.Templates;

/// <summary>
/// A machine that was saved, once it had booted or after a step of its set-up: RAM file, device state and disks in one folder, never
/// changed again. While this object lives the store throws away neither the template nor what it lies on.
/// </summary>
/// <param name="folder">Its folder.</param>
/// <param name="inUse">What says that it is used.</param>
/// <param name="description">What was written down of it.</param>
/// <param name="below">The layer that its disks lie on, whose memory need not be there, or <see langword="null"/>; goes with it.</param>
internal sealed class Template(string folder, FileLock inUse, TemplateDescription description, Template? below) : IDisposable
{
    public string Folder => folder;

    public string Key => Path.GetFileName(folder);

    /// <summary>The folders that its disks lie in, its own first.</summary>
    public IReadOnlyList<string> Folders => [folder, .. below?.Folders ?? []];

    /// <summary>Whether it is a running machine's, and goes with the last of its heirs.</summary>
    public bool IsFork => description.IsFork;

    /// <summary>The addresses of its cards on networks, where it was a running machine's.</summary>
    public IReadOnlyList<MacAddress> Cards => [.. description.Cards.Select(MacAddress.Parse)];

    /// <summary>What is noted of it where it is a saved machine, or <see langword="null"/>.</summary>
    public SavedNote? Saved => description.Saved;

    /// <summary>What a layer on it knows it by.</summary>
    public TemplateIdentity Identity => description.Identity;

    public string Memory => Path.Combine(folder, TemplateFiles.Memory);

    public string State => Path.Combine(folder, TemplateFiles.State);

    /// <summary>When the machine was saved, by the host's clock.</summary>
    public DateTimeOffset SavedAt => File.GetLastWriteTimeUtc(State);

    /// <summary>A serial port's log up to the moment of the save, which a restored machine's log begins with.</summary>
    public byte[] ReadSerialLog(int index) => File.ReadAllBytes(Path.Combine(folder, TemplateFiles.SerialLog(index)));

    /// <summary>
    /// Notes that the template is used, and with <paramref name="again"/> that it has served after the start that it was made for.
    /// </summary>
    public void NoteUse(bool again)
    {
        try
        {
            File.SetLastWriteTimeUtc(Path.Combine(folder, TemplateFiles.InUse), Clock.System.GetUtcNow().UtcDateTime);
            string proven = Path.Combine(folder, TemplateFiles.Proven);
            if (again && !File.Exists(proven))
                File.WriteAllBytes(proven, []);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another user's, who keeps the book of it.
        }
    }

    /// <summary>Copies the prepared empty overlays on the template's disks into a machine's folder.</summary>
    /// <exception cref="HostNotReadyException">There is no room for them.</exception>
    public void CopyOverlays(string machineFolder) => CopyOverlays(folder, machineFolder);

    /// <summary>Copies the prepared empty overlays of a template, which may be in the making, into a machine's folder.</summary>
    /// <exception cref="HostNotReadyException">There is no room for them.</exception>
    public static void CopyOverlays(string folder, string machineFolder) => RunFolder.Guard(machineFolder, () =>
        {
            foreach (string overlay in Directory.GetFiles(Path.Combine(folder, TemplateFiles.Overlays)))
            {
                string copy = Path.Combine(machineFolder, Path.GetFileName(overlay));
                File.Copy(overlay, copy);
                File.SetUnixFileMode(copy, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                QemuUser.Give(copy);
            }

            return true;
        });

    public void Dispose()
    {
        inUse.Dispose();
        below?.Dispose();
    }
}
