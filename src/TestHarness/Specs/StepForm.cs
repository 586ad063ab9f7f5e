namespace TestHarness.Specs;

/// <summary>How a step of the set-up is written in a definition file: by a member that names its kind, and others beside it.</summary>
/// <param name="Name">The member that names the kind.</param>
/// <param name="Type">The step.</param>
/// <param name="Subject">The member of the step that this one's value is, or <see langword="null"/> where it is <c>true</c>.</param>
internal sealed record StepForm(string Name, Type Type, string? Subject)
{
    /// <summary>Gets all of them. A step that runs a test's code has none.</summary>
    public static IReadOnlyList<StepForm> All { get; } =
    [
        new("install", typeof(InstallStep), nameof(InstallStep.Packages)),
        new("push", typeof(PushStep), nameof(PushStep.HostPath)),
        new("write", typeof(WriteStep), nameof(WriteStep.GuestPath)),
        new("run", typeof(RunStep), nameof(RunStep.Command)),
        .. Enum.GetValues<WaitKind>()
            .Select(kind => new StepForm($"waitFor{kind}", typeof(WaitStep), nameof(WaitStep.Subject)) { Wait = kind }),
        new("reboot", typeof(RebootStep), null),
        new("dotNetRuntime", typeof(DotNetRuntimeStep), null),
    ];

    /// <summary>Gets what a step that waits waits for.</summary>
    public WaitKind? Wait { get; init; }

    /// <summary>The step's member that the kind's value is.</summary>
    public DefinitionMember? SubjectMember => DefinitionType.Of(Type).Members.FirstOrDefault(member => member.Property.Name == Subject);

    /// <summary>The members that stand beside the one that names the kind.</summary>
    public IEnumerable<DefinitionMember> Others =>
        DefinitionType.Of(Type).Members.Where(member => member.Property.Name != Subject && member.Property.Name != nameof(WaitStep.Kind));

    /// <summary>What the kind's value is.</summary>
    public Type SubjectType =>
        Subject is null ? typeof(bool)
        : Wait == WaitKind.Port ? typeof(int)
        : SubjectMember!.Type;

    public static StepForm? Of(SetupStep step) =>
        All.FirstOrDefault(form => form.Type == step.GetType() && (step is not WaitStep wait || wait.Kind == form.Wait));
}
