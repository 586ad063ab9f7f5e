using System.Reflection;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace TestHarness.Xunit;

/// <summary>
/// Gives a theory a fresh cluster for each run: it is started right before the test and thrown away right after. Several on one method run
/// the test with each.
/// </summary>
/// <example><code>
/// [Theory, Cluster(typeof(Shop))]
/// public async Task Web_finds_the_database(Cluster shop) => …
/// </code></example>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class ClusterAttribute : DataAttribute, IBeforeAfterTestAttribute
{
    /// <summary>Describes the cluster by a fixture's spec; the fixture itself starts nothing.</summary>
    /// <param name="fixture">A <see cref="ClusterFixture"/> with a constructor without parameters.</param>
    public ClusterAttribute(Type fixture)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        Fixture = fixture;
        MachineRecorder.EnsureStarted();
    }

    /// <summary>Gets the fixture.</summary>
    public Type Fixture { get; }

    /// <summary>Makes the row: a cluster that is described and not started.</summary>
    /// <param name="testMethod">The test method.</param>
    /// <param name="disposalTracker">Disposes the cluster after the last row, should <see cref="After"/> not have run.</param>
    /// <returns>One row with one cluster.</returns>
    /// <exception cref="ArgumentException">The type is no fixture of a cluster, or can't be made.</exception>
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker)
    {
        ArgumentNullException.ThrowIfNull(disposalTracker);
        if (!Fixture.IsSubclassOf(typeof(ClusterFixture)) || Fixture.IsAbstract || Fixture.GetConstructor(Type.EmptyTypes) is null)
            throw new ArgumentException(
                $"[Cluster(typeof({Fixture.Name}))]: give a class that derives from ClusterFixture, with a constructor without parameters."
            );
        Cluster cluster = ((ClusterFixture)Activator.CreateInstance(Fixture)!).Describe();
        disposalTracker.Add(cluster);
        return new([new TheoryDataRow(cluster)]);
    }

    /// <summary>Says that rows are made when the tests run.</summary>
    /// <returns><see langword="false"/>.</returns>
    public override bool SupportsDiscoveryEnumeration() => false;

    /// <summary>Starts the row's cluster.</summary>
    /// <param name="methodUnderTest">The test method.</param>
    /// <param name="test">The test.</param>
    public void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        // With several attributes on a method each one's hooks run for every row; whichever comes first does the work.
        foreach (Cluster cluster in test.TestMethodArguments.OfType<Cluster>().Where(cluster => !cluster.IsStarted))
            // xunit's hook is synchronous. Task.Run keeps the start off this thread's synchronisation context, so that waiting can't
            // dead-lock.
            Task.Run(() => StartAsync(cluster)).GetAwaiter().GetResult();
    }

    /// <summary>
    /// Keeps and attaches the evidence of a failed test, holds its machines where that is asked for, and throws the row's cluster away.
    /// </summary>
    /// <param name="methodUnderTest">The test method.</param>
    /// <param name="test">The test.</param>
    public void After(MethodInfo methodUnderTest, IXunitTest test) =>
        Task.Run(async () =>
            {
                // While they still run they can be asked, and held.
                await MachineRecorder.EndAsync(TestContext.Current).ConfigureAwait(false);
                foreach (Cluster cluster in test.TestMethodArguments.OfType<Cluster>())
                    await cluster.DisposeAsync().ConfigureAwait(false);
            })
            .GetAwaiter()
            .GetResult();

    private static async Task StartAsync(Cluster cluster)
    {
        try
        {
            await cluster.StartAsync(DiagnosticProgress.Instance, TestContext.Current.CancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // xunit does not call After where Before threw.
            await MachineRecorder.EndAsync(TestContext.Current, e).ConfigureAwait(false);
            throw;
        }
    }
}
