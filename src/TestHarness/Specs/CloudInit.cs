namespace TestHarness;

/// <summary>
/// Describes what cloud-init does in the guest at its first boot: user-data as text, or made from members; not both. It reaches the guest
/// on a read-only disk (NoCloud, label <c>CIDATA</c>). The start waits until cloud-init has finished, and fails with cloud-init's own words
/// where it reports errors. See https://cloudinit.readthedocs.io/.
/// </summary>
public sealed record CloudInit
{
    /// <summary>
    /// Gets the user-data: anything that cloud-init knows by its first line, such as <c>#cloud-config</c> (whose YAML is checked before the
    /// start) or <c>#!/bin/sh</c>. Default: <see langword="null"/>, made from <see cref="Users"/>, <see cref="AuthorizedKeys"/>,
    /// <see cref="Packages"/>, <see cref="Files"/> and <see cref="Commands"/>.
    /// </summary>
    public string? UserData { get; init; }

    /// <summary>Gets users that are made beside the image's default user. Default: none.</summary>
    public IReadOnlyList<CloudUser> Users { get; init; } = [];

    /// <summary>Gets public ssh keys, one an element, that open <c>root</c> and the image's default user. Default: none.</summary>
    public IReadOnlyList<string> AuthorizedKeys { get; init; } = [];

    /// <summary>Gets packages that the guest's package manager installs, where its network reaches a mirror. Default: none.</summary>
    public IReadOnlyList<string> Packages { get; init; } = [];

    /// <summary>
    /// Gets files that are written before the packages; those of another owner than root after the users and packages. Default: none.
    /// </summary>
    public IReadOnlyList<CloudFile> Files { get; init; } = [];

    /// <summary>
    /// Gets shell commands that run last, as root, at the first boot only. One that fails ends them, and the start. Default: none.
    /// </summary>
    public IReadOnlyList<string> Commands { get; init; } = [];

    /// <summary>
    /// Gets the meta-data, YAML. An <c>instance-id</c> that is missing is made from the content, so cloud-init does its work once and not
    /// again after a reboot or in a machine restored from a template. Default: <see langword="null"/>, only that.
    /// </summary>
    public string? MetaData { get; init; }

    /// <summary>
    /// Gets the network configuration, YAML in cloud-init's version 1 or 2. Default: <see langword="null"/>, cloud-init's own: DHCP on the
    /// first card.
    /// </summary>
    public string? NetworkConfig { get; init; }

    internal bool HasMembers => Users.Count + AuthorizedKeys.Count + Packages.Count + Files.Count + Commands.Count > 0;
}
