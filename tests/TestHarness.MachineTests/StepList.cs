namespace TestHarness.MachineTests;

/// <summary>Lists what a start tells, in its order and at once, which <see cref="Progress{T}"/> does not.</summary>
internal sealed class StepList(List<string> steps) : IProgress<StartProgress>
{
    public void Report(StartProgress value) => steps.Add(value.Step);
}
