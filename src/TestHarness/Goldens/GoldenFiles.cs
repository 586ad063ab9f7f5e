using System.Collections.Concurrent;
using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Goldens;

/// <summary>Writes goldens and what was received in their place, and remembers which test wrote or used which.</summary>
internal static class GoldenFiles
{
    private static readonly ConcurrentDictionary<string, (string Id, string Test)> Writers = new(StringComparer.Ordinal);
    private static readonly ConcurrentDictionary<string, bool> UsedFiles = new(StringComparer.Ordinal);

    public static void NoteUse(IEnumerable<string> files)
    {
        foreach (string file in files)
            UsedFiles[file] = true;
    }

    /// <summary>Reads a golden, or a file that belongs to one.</summary>
    /// <exception cref="InvalidDataException">It is a pointer of Git LFS.</exception>
    public static byte[] Read(string file)
    {
        byte[] content = File.ReadAllBytes(file);
        return LfsPointer.Is(content)
            ? throw new InvalidDataException($"The file '{file}' can't be used: {LfsPointer.Reason}. Fetch it: {LfsPointer.Remedy}")
            : content;
    }

    public static bool IsUsed(string file) => UsedFiles.ContainsKey(file);

    /// <summary>Writes a golden.</summary>
    /// <exception cref="GoldenMismatchException">Another test, or the same one with something else, has written it in this run.</exception>
    public static void WriteVerified(GoldenPlace place, string file, byte[] content)
    {
        if (!Writers.TryAdd(file, (place.TestId, place.TestName)))
        {
            throw new GoldenMismatchException(
                place.Name,
                new FailureText($"The golden '{place.Name}' is written twice in one run, with different content.")
                    .Add("Golden", file)
                    .Add("Written by", Writers[file].Test)
                    .Add("And now by", place.TestName)
                    .Try("give them names of their own, or set Variant in the options (vm.Spec.Image, say).")
            )
            {
                VerifiedFile = file,
            };
        }

        File.WriteAllBytes(file, content);
        NoteUse([file]);
        DeleteReceived(place);
    }

    /// <summary>Writes what came in place of a golden, and what belongs to it.</summary>
    /// <returns>The test that has written it before in this run, so that nothing was written now; or <see langword="null"/>.</returns>
    public static string? WriteReceived(GoldenPlace place, byte[] received, byte[]? difference)
    {
        (string id, string test) = Writers.GetOrAdd(place.ReceivedFile, (place.TestId, place.TestName));
        if (id != place.TestId)
            return test;
        File.WriteAllBytes(place.ReceivedFile, received);
        if (difference is null)
            File.Delete(place.DifferenceFile);
        else
            File.WriteAllBytes(place.DifferenceFile, difference);
        return null;
    }

    /// <summary>Removes what an earlier run has received.</summary>
    public static void DeleteReceived(GoldenPlace place)
    {
        if (Writers.TryGetValue(place.ReceivedFile, out (string Id, string Test) writer) && writer.Id != place.TestId)
            return;
        File.Delete(place.ReceivedFile);
        File.Delete(place.DifferenceFile);
    }
}
