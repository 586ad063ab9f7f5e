namespace TestHarness.Access;

/// <summary>A guest did not come up, and it is known why.</summary>
internal sealed class BootFailedException(GuestTrouble trouble, Exception? innerException = null) : Exception(trouble.Text, innerException)
{
    public GuestTrouble Trouble => trouble;
}
