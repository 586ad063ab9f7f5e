using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>What a machine starts from that a template is made of.</summary>
/// <param name="Memory">Where its memory is kept: empty, or a copy of that of the template below.</param>
/// <param name="Below">The template that it is to be a layer on, which goes with the machine; <see langword="null"/> where it
/// boots.</param>
internal sealed record TemplateStart(MemoryFile Memory, Template? Below);
