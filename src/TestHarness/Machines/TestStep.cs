using System.Globalization;

namespace TestHarness.Machines;

/// <summary>A step of a test on a machine.</summary>
/// <param name="Number">Its place, from 1.</param>
/// <param name="Name">Its name.</param>
/// <param name="Act">What it does.</param>
/// <param name="Checkpoint">The checkpoint before it, or <see langword="null"/> where none could be made.</param>
internal sealed record TestStep(int Number, string Name, Func<Task> Act, string? Checkpoint)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"step {Number} (\"{Name}\")");
}
