namespace TestHarness.Specs;

/// <summary>What a step of the set-up waits for.</summary>
internal enum WaitKind
{
    /// <summary>A systemd unit that is active.</summary>
    Unit,

    /// <summary>A TCP port that takes connections.</summary>
    Port,

    /// <summary>A path that exists.</summary>
    File,

    /// <summary>A text on the serial console.</summary>
    Text,

    /// <summary>A web server that answers.</summary>
    Http,

    /// <summary>A text in the journal.</summary>
    Journal,
}
