namespace TestHarness;

/// <summary>
/// A fault that the tests of a class cause for real: a row of docs/faults.md, which <c>FaultsPageTests</c> makes of them all.
/// </summary>
/// <param name="fault">What happens to the library.</param>
/// <param name="outcome">What its user sees.</param>
/// <param name="others">Other classes whose tests belong to it.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
internal sealed class FaultAttribute(string fault, string outcome, params string[] others) : Attribute
{
    public string Fault { get; } = fault;

    public string Outcome { get; } = outcome;

    public IReadOnlyList<string> Others { get; } = others;
}
