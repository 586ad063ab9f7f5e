using TestHarness.Qemu;

namespace TestHarness;

// Its place on networks with other machines.
public sealed partial class VirtualMachine
{
    /// <summary>
    /// Gets what its cards on networks go by, by the networks' names: <c>vm.Addresses["lan"]</c> is the address in a command.
    /// </summary>
    public IReadOnlyDictionary<string, CardAddress> Addresses =>
        (_wiring?.Cards ?? []).ToDictionary(card => card.Network, StringComparer.Ordinal);

    /// <summary>Tells a guest that is up who else is on its networks by now. One that stands still is told when it goes on.</summary>
    internal Task TellNamesAsync(CancellationToken cancellationToken) =>
        State is MachineState.Running ? _guest.TellNamesAsync(cancellationToken) : Task.CompletedTask;

    /// <summary>Tells QEMU which cables are pulled out; the guest sees its carriers go and come.</summary>
    internal Task SetLinksAsync(CancellationToken cancellationToken) => CardPlug.SetLinksAsync(_wiring!.Plugs, Monitor, cancellationToken);
}
