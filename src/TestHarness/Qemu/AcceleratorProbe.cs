using System.Reflection;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Qemu;

/// <summary>
/// Runs a tiny guest (<c>src/TestHarness.GuestAgent/probe.S</c>) under an accelerator, as machines run: same user, sandbox, machine and
/// processor. It does what a kernel does first, and tells how long a fixed piece of work took. A host where the device opens and guests
/// then hang is found out here.
/// </summary>
internal static class AcceleratorProbe
{
    /// <summary>The guest's file, in the folder that QEMU runs in.</summary>
    public const string GuestFile = "probe";

    private const string Resource = "agent/amd64/probe";

    private static readonly TimeSpan DiesWithin = TimeSpan.FromMilliseconds(300);
    private static readonly Lazy<byte[]> Guest = new(ReadGuest);

    /// <summary>Gets what names the guest and this code: another build of them may show something else.</summary>
    public static string Version { get; } = $"{typeof(AcceleratorProbe).Module.ModuleVersionId}";

    /// <summary>Runs the guest once.</summary>
    /// <param name="program">Path of QEMU.</param>
    /// <param name="accelerator">Which: not <see cref="Accelerator.Auto"/>.</param>
    /// <param name="deviceGroup">The group that QEMU's user needs for KVM's device.</param>
    /// <param name="also">Further arguments of QEMU.</param>
    /// <param name="limit">When it is killed.</param>
    /// <param name="cancellationToken">Kills it earlier.</param>
    public static async Task<AcceleratorProof> RunAsync(
        string program,
        Accelerator accelerator,
        uint? deviceGroup,
        IReadOnlyList<string> also,
        TimeSpan limit,
        CancellationToken cancellationToken
    )
    {
        Supervision.EnsureStarted();
        string folder = RunFolder.CreateForMachine();
        try
        {
            await File.WriteAllBytesAsync(Path.Combine(folder, GuestFile), Guest.Value, cancellationToken).ConfigureAwait(false);
            QemuUser.Give(Path.Combine(folder, GuestFile));
            QemuUser.HandOver(folder);
            QemuProcess qemu = await QemuProcess
                .StartAsync(program, [.. Arguments(accelerator), .. also], folder, deviceGroup)
                .ConfigureAwait(false);
            int? exitCode = null;
            try
            {
                exitCode = await qemu.Exited.WaitAsync(limit, Clock.System, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // That is a result.
            }
            finally
            {
                // A process that hangs inside a broken KVM may be beyond a signal's reach.
                await Task.WhenAny(qemu.DisposeAsync().AsTask(), Clock.System.Delay(DiesWithin, CancellationToken.None))
                    .ConfigureAwait(false);
            }

            AcceleratorProof proof = AcceleratorProof.Read(qemu.StandardError, exitCode, limit);
            return proof with
            {
                Milliseconds = proof.Ticks > 0 ? (double)proof.Ticks / TimeStampCounter.Kilohertz : null,
                // TCG does not hang.
                IsPassing = proof.Hung && accelerator == Accelerator.Tcg,
            };
        }
        finally
        {
            RunFolder.Remove(folder);
        }
    }

    private static string[] Arguments(Accelerator accelerator) =>
        [
            "-nodefaults",
            "-no-user-config",
            // The machine of most specs. A microvm's processor is the same one.
            "-machine",
            "q35,vmport=off",
            .. QemuArguments.Processor(accelerator),
            "-m",
            "32M",
            "-display",
            "none",
            .. QemuArguments.Sandbox,
            "-no-reboot",
            "-kernel",
            GuestFile,
            "-chardev",
            "stdio,id=said,signal=off",
            "-device",
            "isa-debugcon,iobase=0xe9,chardev=said",
            "-device",
            "isa-debug-exit,iobase=0xf4,iosize=1",
        ];

    private static byte[] ReadGuest()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Resource)!;
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
