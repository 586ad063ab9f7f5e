using TestHarness.Specs;

namespace TestHarness;

/// <summary>Puts the host's shared .NET runtime into the guest (<see cref="SetupStep.DotNetRuntime"/>).</summary>
/// <param name="AspNetCore">Whether ASP.NET Core's comes with it.</param>
public sealed record DotNetRuntimeStep(bool AspNetCore = false) : SetupStep
{
    internal override IEnumerable<string?> Content => ["dotnet", HostRuntime.Version, AspNetCore ? "aspnetcore" : ""];

    private protected override string Describe() => $".NET runtime {HostRuntime.Version}{(AspNetCore ? " with ASP.NET Core" : "")}";
}
