using System.Reflection;
using System.Xml.Linq;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests;

/// <summary>
/// No wait without a limit: every public method of the library that returns a task takes a limit, takes options that have one, or is on the
/// list below with the limit that it has. A new one fails this test until somebody has thought about it.
/// </summary>
[Fault("A wait without a limit is added to the public API.", "A test fails until somebody says what ends it.")]
public sealed class ApiLimitTests
{
    // What ends each wait that its caller gives no limit.
    private static readonly Dictionary<string, string> Limits = new(StringComparer.Ordinal)
    {
        ["VirtualMachine.StartAsync(MachineSpec, IProgress`1, CancellationToken)"] = "the next one's",
        ["VirtualMachine.StartAsync(IProgress`1, CancellationToken)"] =
            "MachineSpec.StartTimeout for the machine and for its template each; 30 minutes for an image; 10 minutes for room on the host",
        ["VirtualMachine.StopAsync(CancellationToken)"] = "MachineSpec.StopTimeout; then QEMU is killed",
        ["VirtualMachine.KillAsync()"] = "10 seconds for listeners of Stopping; SIGKILL",
        ["Cluster.StartAsync(ClusterSpec, IProgress`1, CancellationToken)"] = "the next one's",
        ["Cluster.StartAsync(IProgress`1, CancellationToken)"] =
            "that of VirtualMachine.StartAsync for each machine, and of each step; another cluster's start",
        ["Cluster.AddAsync(String, MachineSpec, IProgress`1, CancellationToken)"] = "that of VirtualMachine.StartAsync",
        ["Cluster.AddForkAsync(String, String, CancellationToken)"] = "that of VirtualMachine.ForkAsync",
        ["Cluster.CheckpointAsync(String, CancellationToken)"] = "those of a machine's pause, checkpoint and resume",
        ["Cluster.RollbackAsync(String, CancellationToken)"] = "those of a machine's pause, rollback and resume",
        ["Cluster.ForkAsync(Int32, CancellationToken)"] = "2 minutes, and what each heir's start may take",
        ["Cluster.DisposeAsync()"] = "that of VirtualMachine.DisposeAsync",
        ["ClusterNetwork.UnplugAsync(String, CancellationToken)"] = "a command of QEMU's monitor",
        ["ClusterNetwork.PlugAsync(String, CancellationToken)"] = "a command of QEMU's monitor",
        ["ClusterNetwork.SaveCaptureAsync(String, CancellationToken)"] = "none: a file of the caller's own host",
        ["NetworkSchedule.DisposeAsync()"] = "10 seconds for a step that is under way",
        ["VirtualMachine.DisposeAsync()"] = "10 seconds for listeners of Stopping; SIGKILL",
        ["VirtualMachine.ReleaseSparesAsync(MachineSpec)"] = "a spare that is just starting: MachineSpec.StartTimeout",
        ["VirtualMachine.PauseAsync(CancellationToken)"] = "1 minute",
        ["VirtualMachine.ResumeAsync(CancellationToken)"] = "1 minute",
        ["VirtualMachine.CheckpointAsync(String, CancellationToken)"] = "2 minutes",
        ["VirtualMachine.ForkAsync(Int32, CancellationToken)"] = "2 minutes, and what each heir's start may take",
        ["VirtualMachine.SaveAsync(String, CancellationToken)"] = "10 minutes",
        ["VirtualMachine.StartAsync(SavedMachine, IProgress`1, CancellationToken)"] =
            "MachineSpec.StartTimeout; 10 minutes for room on the host",
        ["VirtualMachine.StepAsync(String, Func`1, CancellationToken)"] = "2 minutes for the checkpoint; the code is the caller's",
        ["SavedMachine.FindObstacleAsync(CancellationToken)"] = "none: asks the host's own QEMU for its version",
        ["SavedMachine.ExportAsync(String, Boolean, IProgress`1, CancellationToken)"] = "none: files of the caller's own host",
        ["SavedMachine.ImportAsync(String, String, String, IProgress`1, CancellationToken)"] = "none: files of the caller's own host",
        ["VirtualMachine.RollbackAsync(String, CancellationToken)"] = "2 minutes",
        ["VirtualMachine.CollectEvidenceAsync(CancellationToken)"] = "2 seconds for the screenshot",
        ["VirtualMachine.SaveEvidenceAsync(String, CancellationToken)"] =
            "2 seconds for the screenshot, 10 for the journal, 30 for files of the guest",
        ["VirtualMachine.HoldAsync(CancellationToken)"] = "10 seconds",
        ["MachineHold.get_Released()"] = "none: a person decides, or the machine's end",
        ["MachineHold.DisposeAsync()"] = "none: closes what is open on the host",
        ["MachineEvidence.SaveAsync(String, CancellationToken)"] = "none: files of the caller's own host",
        ["Shell.PingAsync(CancellationToken)"] = "1 minute",
        ["Shell.InteractiveAsync(InteractiveOptions, CancellationToken)"] = "none: a person decides, or the machine's end",
        ["GuestProcess.KillAsync(CancellationToken)"] = "30 seconds",
        ["GuestProcess.SignalAsync(Int32, CancellationToken)"] = "30 seconds",
        ["GuestProcess.DisposeAsync()"] = "2 seconds",
        ["Screen.CaptureAsync(CancellationToken)"] = "20 seconds",
        ["Screen.GetSizeAsync(CancellationToken)"] = "20 seconds",
        ["Screen.OpenViewerAsync(CancellationToken)"] = "20 seconds",
        ["Screen.ReadTextAsync(CancellationToken)"] = "30 seconds",
        ["Screen.MoveMouseAsync(Int32, Int32, CancellationToken)"] = "20 seconds",
        ["Screen.ClickAsync(Int32, Int32, MouseButton, CancellationToken)"] = "20 seconds",
        ["Screen.DoubleClickAsync(Int32, Int32, CancellationToken)"] = "20 seconds",
        ["Screen.DragAsync(Int32, Int32, Int32, Int32, CancellationToken)"] = "20 seconds",
        ["SerialConsole.WriteLineAsync(String, CancellationToken)"] = "2 minutes",
        ["SerialConsole.WriteAsync(String, CancellationToken)"] = "2 minutes",
        ["SerialConsole.AttachAsync(CancellationToken)"] = "none: a person decides, or the machine's end",
        ["SerialConsole.ReadLinesAsync(LogStart, CancellationToken)"] = "none: the caller leaves the loop, or the machine's end",
        ["SerialLog.SaveAsync(String, CancellationToken)"] = "none: a file of the caller's own host",
        ["Screenshot.SaveAsync(String, CancellationToken)"] = "none: a file of the caller's own host",
    };

    private static IEnumerable<MethodInfo> AsyncMethods =>
        typeof(VirtualMachine)
            .Assembly.GetExportedTypes()
            .SelectMany(type =>
                type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            )
            .Where(method => IsAwaitable(method.ReturnType));

    [Fact]
    public void Every_wait_has_a_limit()
    {
        string[] unlimited =
        [
            .. AsyncMethods.Where(method => !TakesLimit(method) && !TakesOptionsWithLimit(method)).Select(Signature).Except(Limits.Keys),
        ];

        unlimited
            .Should()
            .BeEmpty(
                "each needs a 'TimeSpan?' parameter, an options record with a limit, or a line in this test that says what ends its wait"
            );
    }

    [Fact]
    public void The_list_names_only_what_there_is() => Limits.Keys.Except(AsyncMethods.Select(Signature)).Should().BeEmpty();

    [Fact]
    public void Every_optional_limit_says_its_default()
    {
        XDocument docs = XDocument.Load(Path.ChangeExtension(typeof(VirtualMachine).Assembly.Location, ".xml"));
        foreach (MethodInfo method in AsyncMethods.Where(TakesLimit))
        {
            ParameterInfo limit = method.GetParameters().Single(parameter => parameter.ParameterType == typeof(TimeSpan?));
            string name = $"M:{method.DeclaringType!.FullName}.{method.Name}(";
            // Overloads share the name; each has to say it.
            string[] texts =
            [
                .. docs.Descendants("member")
                    .Where(member => member.Attribute("name")!.Value.StartsWith(name, StringComparison.Ordinal))
                    .SelectMany(member => member.Elements("param"))
                    .Where(param => param.Attribute("name")!.Value == limit.Name)
                    .Select(param => param.Value),
            ];

            limit.HasDefaultValue.Should().BeTrue(Signature(method));
            texts.Should().NotBeEmpty(Signature(method)).And.OnlyContain(text => text.Contains("Default: ", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Every_limit_of_a_record_says_its_default()
    {
        XDocument docs = XDocument.Load(Path.ChangeExtension(typeof(VirtualMachine).Assembly.Location, ".xml"));
        PropertyInfo[] limits =
        [
            .. typeof(VirtualMachine)
                .Assembly.GetExportedTypes()
                .Where(type =>
                    type.Name.EndsWith("Options", StringComparison.Ordinal) || type.Name.EndsWith("Spec", StringComparison.Ordinal)
                )
                .SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
                .Where(property =>
                    (Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType) == typeof(TimeSpan) && property.CanWrite
                )
                // No limit but a pace.
                .Where(property => property.Name != nameof(TypingOptions.Pause)),
        ];

        limits
            .Select(property => $"{property.DeclaringType!.Name}.{property.Name}")
            .Should()
            .Contain([
                "MachineSpec.StartTimeout",
                "MachineSpec.StopTimeout",
                "MachineSpec.NoProgressTimeout",
                "ShellOptions.Timeout",
                "SyncOptions.Timeout",
            ]);
        foreach (PropertyInfo limit in limits)
        {
            string name = $"P:{limit.DeclaringType!.FullName}.{limit.Name}";
            docs.Descendants("member")
                .Single(member => member.Attribute("name")!.Value == name)
                .Value.Should()
                .MatchRegex(@"Default:\s+,\s+[0-9]+\s+(seconds|minutes?),\s+longer\s+on\s+a\s+slow\s+host", name);
        }
    }

    private static bool IsAwaitable(Type type) =>
        type == typeof(Task)
        || type == typeof(ValueTask)
        || (
            type.IsGenericType
            && type.GetGenericTypeDefinition() is var open
            && (open == typeof(Task<>) || open == typeof(ValueTask<>) || open == typeof(IAsyncEnumerable<>))
        );

    private static bool TakesLimit(MethodInfo method) =>
        method.GetParameters().Any(parameter => parameter.ParameterType == typeof(TimeSpan?));

    private static bool TakesOptionsWithLimit(MethodInfo method) =>
        method
            .GetParameters()
            .Any(parameter =>
                parameter.ParameterType.Name.EndsWith("Options", StringComparison.Ordinal)
                && parameter.ParameterType.GetProperty("Timeout")?.PropertyType == typeof(TimeSpan?)
            );

    private static string Signature(MethodInfo method) =>
        $"{method.DeclaringType!.Name}.{method.Name}"
        + $"({string.Join(", ", method.GetParameters().Select(parameter => parameter.ParameterType.Name))})";
}
