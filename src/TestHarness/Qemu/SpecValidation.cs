using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using TestHarness.Guest;

namespace TestHarness.Qemu;

/// <summary>Checks a spec once, before anything is started. Pure.</summary>
internal static partial class SpecValidation
{
    // A PC has four ISA serial ports.
    private const int MaxSerialPorts = 3;

    /// <summary>Throws one exception that names every mistake.</summary>
    /// <exception cref="ArgumentException">The spec has mistakes.</exception>
    public static void Check(MachineSpec spec)
    {
        string[] problems = [.. Problems(spec)];
        if (problems.Length > 0)
            throw new ArgumentException($"The machine's spec has {problems.Length} mistake(s):\n  {string.Join("\n  ", problems)}", nameof(spec));
    }

    private static IEnumerable<string> Problems(MachineSpec spec)
    {
        if (string.IsNullOrWhiteSpace(spec.Image))
            yield return "Image is empty: name a recipe such as \"tiny\", or the folder of your own.";
        if (spec.Cpus is < 1 or > 255)
            yield return $"Cpus is {spec.Cpus}: 1 to 255 are possible.";
        if (spec.MemoryMiB is < 64 or > 1024 * 1024)
            yield return $"MemoryMiB is {spec.MemoryMiB}: 64 to 1048576 are possible.";
        if (spec.Hostname is { } hostname && !HostName().IsMatch(hostname))
            yield return $"Hostname is \"{hostname}\": 1 to 64 letters, digits, dashes and dots, beginning with a letter or digit.";
        if (spec.KernelArguments.AsSpan().IndexOfAny('\n', '\r', '\0') >= 0)
            yield return "KernelArguments has a line end or a zero in it: it is one line.";
        if (spec.Network == NetworkMode.None && spec.PortForwards.Count > 0)
            yield return "PortForwards needs a network: set Network to Isolated, or forward nothing.";
        foreach (PortForward forward in spec.PortForwards)
        {
            if (forward.GuestPort is < 1 or > 65535)
                yield return $"PortForwards: guest port {forward.GuestPort} is not 1 to 65535.";
            if (forward.HostPort is < 0 or > 65535)
                yield return $"PortForwards: host port {forward.HostPort} is not 0 to 65535 (0: the kernel picks one).";
        }

        foreach (PortForward twice in spec.PortForwards.GroupBy(f => (f.GuestPort, f.Protocol)).Where(g => g.Count() > 1).Select(g => g.First()))
            yield return $"PortForwards: guest port {twice.GuestPort} is there twice.";
        foreach (GuestReach reach in spec.GuestReaches)
        {
            if (reach.GuestPort is < 1 or > 65535)
                yield return $"GuestReaches: guest port {reach.GuestPort} is not 1 to 65535.";
            if (reach.Host is not (IPEndPoint or DnsEndPoint or UnixDomainSocketEndPoint))
                yield return $"GuestReaches: guest port {reach.GuestPort} leads to {(reach.Host is null ? "nothing" : reach.Host.GetType().Name)}: give an IPEndPoint, a DnsEndPoint or a UnixDomainSocketEndPoint.";
            if (reach.Name is { } name && !HostName().IsMatch(name))
                yield return $"GuestReaches: name \"{name}\": 1 to 64 letters, digits, dashes and dots, beginning with a letter or digit.";
        }

        foreach (IGrouping<int, GuestReach> twice in spec.GuestReaches.GroupBy(reach => reach.GuestPort).Where(group => group.Count() > 1))
            yield return $"GuestReaches: guest port {twice.Key} is there twice.";
        foreach (Disk disk in spec.Disks.Where(disk => disk.SizeMiB < 1))
            yield return $"Disks: size {disk.SizeMiB} MiB is less than 1.";
        if (spec.Disks.Count > 20)
            yield return $"Disks: {spec.Disks.Count} disks; at most 20 are possible.";
        if (spec.SerialPorts.Count > 0 && spec.Type == MachineType.Microvm)
            yield return "SerialPorts: a Microvm has the console only; set Type to Q35.";
        if (spec.SerialPorts.Count > MaxSerialPorts)
            yield return $"SerialPorts: {spec.SerialPorts.Count} ports; at most {MaxSerialPorts} are possible beside the console.";
        foreach (string port in spec.SerialPorts.Where(port => port is null || !PortName().IsMatch(port)))
            yield return $"SerialPorts: name \"{port}\": 1 to 32 letters, digits, dashes and underscores.";
        foreach (IGrouping<string, string> twice in spec.SerialPorts.GroupBy(port => port, StringComparer.Ordinal).Where(group => group.Count() > 1))
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
        if (spec.Secrets.Any(string.IsNullOrEmpty))
            yield return "Secrets has an empty text in it, which would be everywhere.";
        foreach (string problem in spec.CloudInit is { } cloudInit ? CloudInitCheck.Problems(cloudInit) : [])
            yield return problem;
        foreach (string pattern in spec.CollectOnFailure.Where(pattern => !pattern.StartsWith('/') || pattern.Contains('\0', StringComparison.Ordinal)))
            yield return $"CollectOnFailure: \"{pattern}\" is not an absolute path in the guest.";
        if (spec.ExtraQemuArguments.Any(argument => argument.Contains('\0', StringComparison.Ordinal)))
            yield return "ExtraQemuArguments has a zero character in it.";
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,32}\z")]
    private static partial Regex PortName();

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]
    private static partial Regex HostName();
}
