using TestHarness.Agents;

namespace TestHarness.Access;

/// <summary>A way into a guest: gets to its agent, which is brought there first where it has to be. One for each QEMU process.</summary>
internal abstract class WayIn : IAsyncDisposable
{
    /// <summary>Gets which of the ways it is, or turned out to be.</summary>
    public abstract GuestAccess Kind { get; }

    /// <summary>Gets a value indicating whether the agent's connection stays when the guest restarts within its QEMU.</summary>
    public virtual bool OutlivesReboot => true;

    /// <summary>Gets what it is about, or what was seen last: follows "no way in: ".</summary>
    public abstract string State { get; }

    /// <summary>Gets a value indicating whether it is on its way in, which has limits of its own.</summary>
    public virtual bool IsEntering => false;

    /// <summary>Gets into the guest, for as long as that takes to boot. The connection is in step.</summary>
    /// <param name="restored">Whether the guest was saved when it was up, so that what answers there answers at once.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="BootFailedException">There is no use in waiting.</exception>
    public abstract Task<AgentConnection> ConnectAsync(bool restored, CancellationToken cancellationToken);

    /// <summary>Takes note that the guest has been reset: what ran in it is gone.</summary>
    public virtual void GuestWasReset() { }

    /// <summary>Lets go of the guest, so that it can be saved without a connection in it.</summary>
    public virtual Task DetachAsync() => Task.CompletedTask;

    public abstract ValueTask DisposeAsync();
}
