using System.Diagnostics;

namespace TestHarness.Tests;

/// <summary>Shell scripts that a test writes and has started.</summary>
internal static class ExecutableScript
{
    /// <summary>Writes one that everybody can run, without its first line.</summary>
    public static void Write(string path, string script)
    {
        string text = $"{path}.text";
        File.WriteAllText(text, $"#!/bin/sh\n{script}\n");
        // Written by another process: a program that this one has had open for writing may still be so in a child that is just being
        // forked, and can't be run then.
        using Process install = Process.Start("install", ["-m", "755", text, path]);
        install.WaitForExit();
        File.Delete(text);
        if (install.ExitCode != 0)
            throw new IOException($"'{path}' could not be written: install ended with exit code {install.ExitCode}.");
    }
}
