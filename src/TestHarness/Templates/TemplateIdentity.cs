namespace TestHarness.Templates;

/// <summary>Tells a template from another one that was made under the same key.</summary>
/// <param name="Key">Its key.</param>
/// <param name="StateHash">What its device state hashes to; no two saves have the same.</param>
internal sealed record TemplateIdentity(string Key, string StateHash);
