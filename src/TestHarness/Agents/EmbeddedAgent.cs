using System.Reflection;

namespace TestHarness.Agents;

/// <summary>The guest agent's program, which the library brings.</summary>
internal static class EmbeddedAgent
{
    private const string Name = "agent/amd64/testharness-agent";

    public static byte[] Read()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Name)
            ?? throw new InvalidOperationException("The library was built without the guest agent.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
