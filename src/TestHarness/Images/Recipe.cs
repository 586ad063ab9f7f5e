namespace TestHarness.Images;

/// <summary>What goes into an image; <c>images/recipe.schema.json</c> explains each member to those who write one.</summary>
internal sealed record Recipe
{
    public string Description { get; init; } = "";

    public required string Distribution { get; init; }

    public required string Suite { get; init; }

    public required string Architecture { get; init; }

    public RecipeVariant Variant { get; init; } = RecipeVariant.Minbase;

    public IReadOnlyList<string> Packages { get; init; } = [];

    public required RecipeKernel Kernel { get; init; }

    public required RecipeDisk Disk { get; init; }

    /// <summary>The memory without which the guest does not come up, measured; <see langword="null"/> where nothing is known.</summary>
    public int? MinimumMemoryMiB { get; init; }

    /// <summary>Patterns of what stays of the packages' files, or <see langword="null"/> where all of it does.</summary>
    public IReadOnlyList<string>? Keep { get; init; }

    public IReadOnlyList<RecipeFile> Files { get; init; } = [];

    public IReadOnlyList<RecipeLink> Links { get; init; } = [];

    public IReadOnlyList<string> Commands { get; init; } = [];

    /// <summary>What is done in a running machine of the image, before the steps of the machine's own set-up.</summary>
    public IReadOnlyList<SetupStep> Setup { get; init; } = [];

    /// <summary>Whether the agent is put into the image; otherwise cloud-init installs it at the first boot.</summary>
    public bool Agent { get; init; } = true;

    /// <summary>
    /// A command that ends with 0 once the guest is up, or <see langword="null"/> where the agent's first answer says it.
    /// </summary>
    public string? Ready { get; init; }
}

/// <summary>What is done with the packages, in mmdebstrap's terms.</summary>
internal enum RecipeVariant
{
    /// <summary>Unpacked only: no package manager, no scripts of theirs.</summary>
    Extract,

    /// <summary>Installed, on top of the distribution's essential packages.</summary>
    Minbase,
}

internal sealed record RecipeKernel
{
    public required string Package { get; init; }

    /// <summary>The modules that the initramfs loads, in this order; what they depend on comes first by itself.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [];

    /// <summary>The modules that stay on the disk, with what they depend on, or <see langword="null"/> where all do.</summary>
    public IReadOnlyList<string>? KeepModules { get; init; }

    public string Arguments { get; init; } = "";
}

internal sealed record RecipeDisk
{
    public required int SizeMiB { get; init; }

    public string Label { get; init; } = "root";

    /// <summary>Whether the stored disk is compressed: smaller, and a little slower to read.</summary>
    public bool Compressed { get; init; }
}

/// <summary>A file in the guest, given as text or as a file beside the recipe.</summary>
internal sealed record RecipeFile
{
    public required string Path { get; init; }

    public string? Content { get; init; }

    public string? Source { get; init; }

    public string Mode { get; init; } = "0644";

    public string Owner { get; init; } = "root:root";
}

/// <summary>A symbolic link in the guest.</summary>
internal sealed record RecipeLink(string Path, string Target);
