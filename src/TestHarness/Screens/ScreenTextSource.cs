namespace TestHarness;

/// <summary>How the text on a screen was read.</summary>
public enum ScreenTextSource
{
    /// <summary>
    /// From the memory of the VGA card in a text mode, exactly: firmware, boot loaders, kernels without a graphics driver.
    /// </summary>
    VgaMemory,

    /// <summary>From Linux's console (<c>/dev/vcsa</c>, <c>/dev/vcsu</c>) through the guest's agent, exactly.</summary>
    LinuxConsole,

    /// <summary>From the picture, by tesseract, which may be mistaken in a character.</summary>
    Recognition,
}
