using System.Reflection;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace TestHarness.Xunit;

/// <summary>
/// Gives a theory a fresh machine for each run: it is started right before the test and thrown away right after. Several on one method run
/// the test on each image. Derive from it to describe other machines than an image's name can.
/// </summary>
/// <example><code>
/// [Theory, VirtualMachine("debian-12")]
/// public async Task Sshd_is_active(VirtualMachine vm) => …
/// </code></example>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public class VirtualMachineAttribute : DataAttribute, IBeforeAfterTestAttribute
{
    /// <summary>Describes a machine with an image and defaults for the rest.</summary>
    /// <param name="image">The image, see <see cref="MachineSpec.Image"/>.</param>
    public VirtualMachineAttribute(string image)
    {
        Image = image;
        MachineRecorder.EnsureStarted();
    }

    /// <summary>Gets the image.</summary>
    public string Image { get; }

    /// <summary>Gets or sets the memory in MiB. Default: 0, what <see cref="MachineSpec.MemoryMiB"/> has.</summary>
    public int MemoryMiB { get; set; }

    /// <summary>Gets or sets the number of virtual CPUs. Default: 0, what <see cref="MachineSpec.Cpus"/> has.</summary>
    public int Cpus { get; set; }

    /// <summary>Gets the spec of the machine that the test is given.</summary>
    protected virtual MachineSpec Spec
    {
        get
        {
            var spec = new MachineSpec { Image = Image };
            return spec with { MemoryMiB = MemoryMiB == 0 ? spec.MemoryMiB : MemoryMiB, Cpus = Cpus == 0 ? spec.Cpus : Cpus };
        }
    }

    /// <summary>Makes the row: a machine that is described and not started.</summary>
    /// <param name="testMethod">The test method.</param>
    /// <param name="disposalTracker">Disposes the machine after the last row, should <see cref="After"/> not have run.</param>
    /// <returns>One row with one machine.</returns>
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker)
    {
        ArgumentNullException.ThrowIfNull(disposalTracker);
        var machine = new VirtualMachine(Spec);
        disposalTracker.Add(machine);
        MachineRecorder.AddRow(machine, new MachineRow(this, disposalTracker));
        return new([new TheoryDataRow(machine)]);
    }

    /// <summary>Says that rows are made when the tests run.</summary>
    /// <returns><see langword="false"/>.</returns>
    public override bool SupportsDiscoveryEnumeration() => false;

    /// <summary>
    /// Starts the row's machine, and gives it to the test in place of the one that was described. Where others like it follow in the class,
    /// the next one is made ready meanwhile.
    /// </summary>
    /// <param name="methodUnderTest">The test method.</param>
    /// <param name="test">The test.</param>
    public void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        // With several attributes on a method each one's hooks run for every row; whichever comes first does the work.
        foreach ((int index, object? argument) in test.TestMethodArguments.Index())
        {
            // xunit's hook is synchronous. Task.Run keeps the start off this thread's synchronisation context, so that waiting can't
            // dead-lock.
            if (argument is VirtualMachine { State: MachineState.Created } described && MachineRecorder.RowOf(described) is { } row)
                test.TestMethodArguments[index] = Task.Run(() => StartAsync(described.Spec, row, methodUnderTest)).GetAwaiter().GetResult();
        }
    }

    /// <summary>
    /// Keeps and attaches the evidence of a failed test, holds its machine where that is asked for, and throws the row's machine away.
    /// </summary>
    /// <param name="methodUnderTest">The test method.</param>
    /// <param name="test">The test.</param>
    public void After(MethodInfo methodUnderTest, IXunitTest test) =>
        Task.Run(async () =>
            {
                // While it still runs it can be asked, and held.
                await MachineRecorder.EndAsync(TestContext.Current).ConfigureAwait(false);
                foreach (VirtualMachine machine in Rows(test))
                    await machine.DisposeAsync().ConfigureAwait(false);
            })
            .GetAwaiter()
            .GetResult();

    private static async Task<VirtualMachine> StartAsync(MachineSpec spec, MachineRow row, MethodInfo test)
    {
        (int begun, int following) = TestsAhead.BeginRow(test, row.Attribute);
        try
        {
            VirtualMachine machine = await VirtualMachine
                .StartAsync(spec, DiagnosticProgress.Instance, TestContext.Current.CancellationToken)
                .ConfigureAwait(false);
            MachineRecorder.AddRow(machine, row);
            row.DisposalTracker.Add(machine);
            if (begun > 1 && following > 0)
                machine.PrepareNext();
            return machine;
        }
        catch (Exception e)
        {
            // xunit does not call After where Before threw.
            await MachineRecorder.EndAsync(TestContext.Current, e).ConfigureAwait(false);
            throw;
        }
        finally
        {
            // What a fixture's machine or a spec's own number of spares is for goes with those.
            if (spec.Spares == 0 && !TestsAhead.FollowAnywhere(row.Attribute))
                _ = VirtualMachine.ReleaseSparesAsync(spec);
        }
    }

    private static IEnumerable<VirtualMachine> Rows(IXunitTest test) =>
        test.TestMethodArguments.OfType<VirtualMachine>().Where(machine => MachineRecorder.RowOf(machine) is not null);
}
