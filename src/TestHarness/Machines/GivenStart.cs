using TestHarness.Images;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>What a machine starts from that finds no template by itself: a template is made of it, it is an heir of a fork, or it
/// was saved.</summary>
/// <param name="Memory">Where its memory is kept while a template is made of it: empty, or a copy of that of the template below.</param>
/// <param name="Template">The template that it goes on from, which goes with the machine; <see langword="null"/> where it boots.</param>
internal sealed record GivenStart(MemoryFile? Memory, Template? Template)
{
    /// <summary>Gets its image, or <see langword="null"/> where that is found by its name.</summary>
    public GuestImage? Image { get; init; }

    /// <summary>The host name that the guest gets: empty for the machine's own name, <see langword="null"/> for the image's.</summary>
    public string? HostnameOf(MachineSpec spec) =>
        MakesTemplate ? null
        : Template?.Saved is not null ? spec.Hostname ?? ""
        : "";

    /// <summary>Whether a template is made of it, which nobody but its maker is to know of.</summary>
    public bool MakesTemplate => Memory is not null;
}
