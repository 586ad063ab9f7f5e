using System.Security.Cryptography;

namespace TestHarness.MachineTests.Templates;

/// <summary>A template that is whole by its description, but has nothing that QEMU can load.</summary>
internal static class SpoiledTemplate
{
    /// <summary>Makes one of the template in a folder.</summary>
    public static async Task MakeAsync(string folder, CancellationToken cancellationToken)
    {
        (string state, string description) = (Path.Combine(folder, "state"), Path.Combine(folder, "template.json"));
        byte[] bytes = await File.ReadAllBytesAsync(state, cancellationToken);
        string before = Convert.ToHexString(SHA256.HashData(bytes));
        bytes.AsSpan(bytes.Length / 2).Fill(0xa5);
        await File.WriteAllBytesAsync(state, bytes, cancellationToken);
        string text = await File.ReadAllTextAsync(description, cancellationToken);
        await File.WriteAllTextAsync(
            description,
            text.Replace(before, Convert.ToHexString(SHA256.HashData(bytes)), StringComparison.Ordinal),
            cancellationToken
        );
    }
}
