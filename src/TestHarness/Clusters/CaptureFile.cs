using TestHarness.Networks.Ethernet;

namespace TestHarness.Clusters;

/// <summary>Writes a network's latest frames to a file.</summary>
internal static class CaptureFile
{
    public static async Task SaveAsync(string path, EthernetSwitch from, FrameCapture capture, CancellationToken cancellationToken)
    {
        // In memory first: the frames have a bound, and a file that can't be written is told by its own exception.
        using var content = new MemoryStream();
        PcapngFile.Write(content, from.Names, capture.ToList());
        await File.WriteAllBytesAsync(path, content.ToArray(), cancellationToken).ConfigureAwait(false);
    }
}
