namespace TestHarness.Text;

/// <summary>A path inside the guest.</summary>
internal static class GuestPath
{
    public static bool IsAbsolute(string guestPath) => guestPath.StartsWith('/');

    /// <summary>Refuses a path that depends on a current directory.</summary>
    /// <exception cref="ArgumentException">It is not absolute.</exception>
    public static void RequireAbsolute(string guestPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(guestPath);
        if (!IsAbsolute(guestPath))
            throw new ArgumentException($"The guest's path \"{guestPath}\" is not absolute: begin it with a slash.", nameof(guestPath));
    }
}
