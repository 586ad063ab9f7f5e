using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Renci.SshNet;
using TestHarness.Images;
using TestHarness.Qemu;
using TestHarness.Seeds;
using TestHarness.Specs;

namespace TestHarness.Machines;

/// <summary>Checks a spec once, before anything is started. Pure.</summary>
internal static partial class SpecValidation
{
    // A guest may be up for a while when it gets its clock again (kernel/time/timekeeping.c, do_settimeofday64).
    private static readonly DateTimeOffset EarliestClock = DateTimeOffset.UnixEpoch.AddDays(1);

    /// <summary>Throws one exception that names every mistake.</summary>
    /// <exception cref="ArgumentException">The spec has mistakes.</exception>
    public static void Check(MachineSpec spec)
    {
        Require(spec, [.. NullMembers.In(spec).Select(member => $"{member} is null: give it a value, or leave it out.")]);
        Require(spec, [.. Problems(spec)]);
    }

    /// <summary>Checks what shows once the image is known: the kernel's whole command line, the memory, the image's set-up.</summary>
    /// <exception cref="ArgumentException">The spec does not go with the image.</exception>
    public static void Check(MachineSpec spec, GuestImage image, BootFiles boot, Accelerator accelerator)
    {
        string[] line = boot.Kernel is null ? [] : [.. LineProblems(spec, image, QemuArguments.KernelLine(spec, boot, accelerator))];
        string[] memory =
            image.MinimumMemoryMiB is { } least && spec.MemoryMiB < least
                ? [$"MemoryMiB is {spec.MemoryMiB}: the image '{image.Name}' needs at least {least}, or it does not come up."]
                : [];
        IEnumerable<string> setup = SetupCheck.Problems(image.Setup, spec.GuestAccess, $"The setup of the image '{image.Name}'");
        Require(spec, [.. line, .. memory, .. setup]);
    }

    private static void Require(MachineSpec spec, string[] problems)
    {
        if (problems.Length > 0)
            throw new ArgumentException(
                $"The machine's spec has {problems.Length} mistake(s):\n  {string.Join("\n  ", problems)}",
                nameof(spec)
            );
    }

    private static IEnumerable<string> LineProblems(MachineSpec spec, GuestImage image, string line)
    {
        int length = Encoding.UTF8.GetByteCount(line),
            own = Encoding.UTF8.GetByteCount(spec.KernelArguments);
        if (length > KernelCommandLine.MaxLength)
            yield return $"KernelArguments has {own} bytes, which makes the kernel's command line {length} bytes long, with what "
                + $"the image '{image.Name}' and the library add: it takes "
                + $"{KernelCommandLine.MaxLength}, and would lose the rest.";
    }

    private static IEnumerable<string> Problems(MachineSpec spec)
    {
        if (string.IsNullOrWhiteSpace(spec.Image))
            yield return "Image is empty: name a recipe such as \"tiny\", or the folder of your own.";
        foreach (string problem in string.IsNullOrWhiteSpace(spec.Image) ? [] : ImageReference.Problems(spec))
            yield return problem;
        if (spec.GuestAccess == GuestAccess.None && (spec.Spares > 0 || spec.GuestReaches.Count > 0 || spec.Shares.Count > 0))
            yield return "Spares, GuestReaches and Shares need a guest that answers: GuestAccess is None.";
        if (spec.DiskFolder is not null && (spec.Spares > 0 || string.IsNullOrWhiteSpace(spec.DiskFolder)))
            yield return "DiskFolder is a folder for the disks of one machine: it can't be empty, and Spares would be several machines.";
        foreach (string problem in SetupCheck.Problems(spec.Setup, spec.GuestAccess, nameof(spec.Setup)))
            yield return problem;
        if (spec.Cpus is < 1 or > 255)
            yield return $"Cpus is {spec.Cpus}: 1 to 255 are possible.";
        if (spec.MemoryMiB is < 64 or > 1024 * 1024)
            yield return $"MemoryMiB is {spec.MemoryMiB}: 64 to 1048576 are possible.";
        if (spec.Hostname is { } hostname && !HostName().IsMatch(hostname))
            yield return $"Hostname is \"{hostname}\": 1 to 64 letters, digits, dashes and dots, beginning with a letter or digit.";
        if (spec.Clock is { } clock && (clock < EarliestClock || clock.UtcDateTime.Year > 2099))
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"Clock is {clock:O}: {EarliestClock:yyyy-MM-dd} (UTC) to 2099 are possible. Linux takes no time that is less "
                    + $"than its uptime after the beginning of 1970."
            );
        if (spec.KernelArguments.AsSpan().IndexOfAny('\n', '\r', '\0') >= 0)
            yield return "KernelArguments has a line end or a zero in it: it is one line.";
        if (spec.Network == NetworkMode.None && spec.PortForwards.Count > 0)
            yield return "PortForwards needs a network: set Network to Isolated, or forward nothing.";
        foreach (string problem in CardCheck.Problems(spec))
            yield return problem;
        foreach (PortForward forward in spec.PortForwards)
        {
            if (forward.GuestPort is < 1 or > 65535)
                yield return $"PortForwards: guest port {forward.GuestPort} is not 1 to 65535.";
            if (forward.HostPort is < 0 or > 65535)
                yield return $"PortForwards: host port {forward.HostPort} is not 0 to 65535 (0: the kernel picks one).";
        }

        foreach (
            PortForward twice in spec.PortForwards.GroupBy(f => (f.GuestPort, f.Protocol)).Where(g => g.Count() > 1).Select(g => g.First())
        )
            yield return $"PortForwards: guest port {twice.GuestPort} is there twice.";
        foreach (GuestReach reach in spec.GuestReaches)
        {
            if (reach.GuestPort is < 1 or > 65535)
                yield return $"GuestReaches: guest port {reach.GuestPort} is not 1 to 65535.";
            if (reach.Host is not (IPEndPoint or DnsEndPoint or UnixDomainSocketEndPoint))
                yield return $"GuestReaches: guest port {reach.GuestPort} leads to {reach.Host.GetType().Name}: give an IPEndPoint, a "
                    + "DnsEndPoint or a UnixDomainSocketEndPoint.";
            if (reach.Name is { } name && !HostName().IsMatch(name))
                yield return $"GuestReaches: name \"{name}\": 1 to 64 letters, digits, dashes and dots, beginning with a letter or digit.";
        }

        foreach (
            GuestReach unix in spec.GuestReaches.Where(reach => reach is { Protocol: ForwardProtocol.Udp, Host: UnixDomainSocketEndPoint })
        )
            yield return $"GuestReaches: guest port {unix.GuestPort} is UDP and leads to a unix socket: give an IPEndPoint or a "
                + "DnsEndPoint.";
        foreach (var twice in spec.GuestReaches.GroupBy(reach => (reach.GuestPort, reach.Protocol)).Where(group => group.Count() > 1))
            yield return $"GuestReaches: guest port {twice.Key.GuestPort} is there twice.";
        foreach (Disk disk in spec.Disks.Where(disk => disk.SizeMiB < 1))
            yield return $"Disks: size {disk.SizeMiB} MiB is less than 1.";
        if (spec.Disks.Count > MachineSpec.MaxDisks)
            yield return $"Disks: {spec.Disks.Count} disks; at most {MachineSpec.MaxDisks} are possible.";
        foreach (HostShare share in spec.Shares)
        {
            if (!Path.IsPathRooted(share.HostPath) || share.HostPath.Contains('\0', StringComparison.Ordinal))
                yield return $"Shares: \"{share.HostPath}\" is not an absolute path of the host.";
            if (share.GuestPath is not ['/', not '/', ..] || share.GuestPath.AsSpan().IndexOfAny('\n', '\0') >= 0)
                yield return $"Shares: \"{share.GuestPath}\" is not an absolute path in the guest, below its root.";
        }

        foreach (string twice in spec.Shares.GroupBy(share => share.GuestPath).Where(group => group.Count() > 1).Select(group => group.Key))
            yield return $"Shares: \"{twice}\" is there twice.";
        if (spec.Shares.Count > 8)
            yield return $"Shares: {spec.Shares.Count} folders; at most 8 are possible.";
        if (spec.SerialPorts.Count > 0 && spec.Type == MachineType.Microvm)
            yield return "SerialPorts: a Microvm has the console only; set Type to Q35.";
        else if (spec.SerialPorts.Count >= Board.Of(spec).SerialPorts)
            yield return $"SerialPorts: {spec.SerialPorts.Count} ports; at most {Board.Of(spec).SerialPorts - 1} are "
                + "possible beside the console.";
        foreach (string port in spec.SerialPorts.Where(port => port is null || !PortName().IsMatch(port)))
            yield return $"SerialPorts: name \"{port}\": 1 to 32 letters, digits, dashes and underscores.";
        foreach (
            IGrouping<string, string> twice in spec
                .SerialPorts.GroupBy(port => port, StringComparer.Ordinal)
                .Where(group => group.Count() > 1)
        )
            yield return $"SerialPorts: \"{twice.Key}\" is there twice.";
        if (spec.Spares is < 0 or > 32)
            yield return $"Spares is {spec.Spares}: 0 to 32 are possible.";
        if (spec.StartTimeout <= TimeSpan.Zero)
            yield return $"StartTimeout is {spec.StartTimeout}: it must be more than 0.";
        if (spec.StartRetries is < 0 or > 10)
            yield return $"StartRetries is {spec.StartRetries}: it must be 0 to 10.";
        if (spec.NoProgressTimeout <= TimeSpan.Zero)
            yield return $"NoProgressTimeout is {spec.NoProgressTimeout}: it must be more than 0.";
        if (spec.StopTimeout <= TimeSpan.Zero)
            yield return $"StopTimeout is {spec.StopTimeout}: it must be more than 0.";
        foreach (string problem in AccessProblems(spec))
            yield return problem;
        if (spec.Secrets.Any(string.IsNullOrEmpty))
            yield return "Secrets has an empty text in it, which would be everywhere.";
        foreach (string problem in spec.CloudInit is { } cloudInit ? CloudInitCheck.Problems(cloudInit) : [])
            yield return problem;
        foreach (
            string pattern in spec.CollectOnFailure.Where(pattern =>
                !pattern.StartsWith('/') || pattern.Contains('\0', StringComparison.Ordinal)
            )
        )
            yield return $"CollectOnFailure: \"{pattern}\" is not an absolute path in the guest.";
        if (spec.ExtraQemuArguments.Any(argument => argument.Contains('\0', StringComparison.Ordinal)))
            yield return "ExtraQemuArguments has a zero character in it.";
    }

    private static IEnumerable<string> AccessProblems(MachineSpec spec)
    {
        bool mayUseSsh = spec.GuestAccess is GuestAccess.Ssh or GuestAccess.Auto;
        if (spec.GuestAccess == GuestAccess.Ssh && spec.Network == NetworkMode.None)
            yield return "GuestAccess is Ssh, which needs a network: set Network to Isolated, or GuestAccess to another.";
        if (spec.Ssh is not { } ssh)
            yield break;
        if (!mayUseSsh)
            yield return $"Ssh is given, but GuestAccess is {spec.GuestAccess}: set it to Ssh or Auto.";
        if (ssh.Port is < 1 or > 65535)
            yield return $"Ssh: port {ssh.Port} is not 1 to 65535.";
        if (!UserName().IsMatch(ssh.User))
            yield return $"Ssh: \"{ssh.User}\" is not a user's name.";
        if (ssh.IdentityFile is not null && ssh.HostKey is null)
            yield return "Ssh: IdentityFile is given without HostKey, so nothing would tell whether it is the right guest that "
                + "answers: give the public key of its sshd.";
        if (ssh.IdentityFile is { } file && !File.Exists(file))
            yield return $"Ssh: there is no IdentityFile \"{file}\".";
        else if (ssh.IdentityFile is { } identity && KeyTrouble(identity) is { } trouble)
            yield return $"Ssh: IdentityFile \"{identity}\" has no private key that can be used without asking: {trouble}";
        if (ssh.HostKey is { } key && (!HostKey().IsMatch(key) || !PinnedHostKey.IsOne(key)))
            yield return $"Ssh: HostKey \"{key}\" is not a public key such as \"ssh-ed25519 AAAA…\".";
    }

    private static string? KeyTrouble(string file)
    {
        try
        {
            using var key = new PrivateKeyFile(file);
            return null;
        }
        catch (Exception e)
        {
            // Whatever the file has in it is the user's to mend.
            return e.Message;
        }
    }

    [GeneratedRegex(@"\A[A-Za-z_][A-Za-z0-9_.-]{0,31}\z")]
    private static partial Regex UserName();

    [GeneratedRegex(@"\A[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [^\r\n]*)?\s*\z")]
    private static partial Regex HostKey();

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,32}\z")]
    private static partial Regex PortName();

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9.-]{0,63}\z")]
    private static partial Regex HostName();
}
