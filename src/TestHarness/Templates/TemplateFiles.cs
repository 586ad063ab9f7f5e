namespace TestHarness.Templates;

/// <summary>Names of the files in a template's folder, <c>templates/&lt;key&gt;/</c> in the cache.</summary>
internal static class TemplateFiles
{
    /// <summary>The guest's memory: as large as the guest's, sparse.</summary>
    public const string Memory = "memory";

    /// <summary>The state of processor and devices, in QEMU's migration format, without the memory.</summary>
    public const string State = "state";

    /// <summary>A folder of empty overlays on the template's disks, which each machine gets copies of.</summary>
    public const string Overlays = "overlays";

    /// <summary>Written last: what the others are like. Without it the template is not one.</summary>
    public const string Description = "template.json";

    /// <summary>Locked shared by every machine that was restored from the template, for as long as it lives. Its time is that of the last use.</summary>
    public const string InUse = "in-use";

    /// <summary>There once a machine other than the one that it was made for was restored.</summary>
    public const string Proven = "proven";

    /// <summary>The log of a serial port, the console's for 0.</summary>
    public static string SerialLog(int index) => index == 0 ? "serial.log" : $"serial{index}.log";
}
