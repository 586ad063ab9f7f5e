namespace TestHarness;

/// <summary>How a machine starts.</summary>
public enum StartMode
{
    /// <summary>
    /// From a warm template: a copy of a machine like it that has booted once, memory, devices and disk. The first start of a spec makes
    /// the template. What can't be saved that way boots, and <see cref="VirtualMachine.StartNote"/> says why.
    /// </summary>
    Warm,

    /// <summary>By booting.</summary>
    Cold,
}
