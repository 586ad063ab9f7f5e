namespace TestHarness;

/// <summary>What a file sync did to a path at its target.</summary>
public enum SyncChangeKind
{
    /// <summary>It was not there.</summary>
    Created,

    /// <summary>Its content was replaced.</summary>
    Updated,

    /// <summary>Its content stayed; permissions, time or owner were set.</summary>
    AttributesSet,

    /// <summary>It was deleted.</summary>
    Deleted,
}
