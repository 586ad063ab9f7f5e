using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>What a machine starts from that finds no template by itself: a template is made of it, or it is an heir of a fork.</summary>
/// <param name="Memory">Where its memory is kept while a template is made of it: empty, or a copy of that of the template below.</param>
/// <param name="Template">The template that it goes on from, which goes with the machine; <see langword="null"/> where it boots.</param>
internal sealed record GivenStart(MemoryFile? Memory, Template? Template)
{
    /// <summary>Whether a template is made of it, which nobody but its maker is to know of.</summary>
    public bool MakesTemplate => Memory is not null;
}
