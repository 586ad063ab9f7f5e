namespace TestHarness;

public sealed partial class VirtualMachine
{
    // The console first; in the order of the guest's devices.
    private readonly IReadOnlyList<SerialConsole> _serials;

    /// <summary>Fires when the machine has ended.</summary>
    internal CancellationToken Ended => _delayed.LooksOn ? _ended.Token : _over.Token;

    /// <summary>Returns a serial port beside the console.</summary>
    /// <param name="name">Its name, one of <see cref="MachineSpec.SerialPorts"/>.</param>
    /// <returns>The port, with a log of its own.</returns>
    /// <exception cref="ArgumentException">There is no such port; those that there are, are named.</exception>
    public SerialConsole GetSerialPort(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (_serials.FirstOrDefault(port => port.Name == name) is { } found)
            return found;
        string known = Spec.SerialPorts.Count == 0 ? "none" : string.Join(", ", Spec.SerialPorts.Select(port => $"\"{port}\""));
        throw new ArgumentException($"Machine '{Name}' has no serial port \"{name}\": add it to MachineSpec.SerialPorts before the start. There: {known}.", nameof(name));
    }

    // Waits until all that a QEMU that has ended wrote is in the logs.
    private Task DrainAsync() => Task.WhenAll(_serials.Select(port => port.DrainAsync()));
}
