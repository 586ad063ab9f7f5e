using System.Globalization;
using TestHarness.Specs;

namespace TestHarness;

/// <summary>Copies a file or a folder of the host's into the guest (<see cref="SetupStep.Push"/>).</summary>
/// <param name="HostPath">The path on the host.</param>
/// <param name="GuestPath">The absolute path in the guest.</param>
public sealed record PushStep([property: HostPath] string HostPath, string GuestPath) : SetupStep
{
    /// <summary>Gets how it is copied. Default: as for <see cref="GuestFiles.PushAsync"/>.</summary>
    public SyncOptions Options { get; init; } = SyncOptions.Default;

    // What is in the files comes to it where the key is made.
    internal override IEnumerable<string?> Content =>
        [
            "push",
            HostPath.EndsWith('/') ? "/" : Path.GetFileName(HostPath),
            GuestPath,
            string.Create(CultureInfo.InvariantCulture, $"{Options.Delete} {Options.Links} {Options.Sparse}"),
            Options.Owner,
            Options.Permissions,
            .. Options.Exclude,
        ];

    private protected override string Describe() => $"push {HostPath} to {GuestPath}";
}
