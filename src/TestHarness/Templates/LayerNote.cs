namespace TestHarness.Templates;

/// <summary>What is noted of a template that is a layer: a step of a machine's set-up on another template.</summary>
/// <param name="Below">What it lies on.</param>
/// <param name="Step">The step, without the secrets.</param>
/// <param name="Packages">What the step installed, as <c>name=version</c>.</param>
internal sealed record LayerNote(TemplateIdentity Below, string Step, IReadOnlyList<string> Packages);
