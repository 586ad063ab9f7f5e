namespace TestHarness.Commands;

/// <summary>
/// Sees in what a person types that they want to leave: Ctrl-] three times in a row. Each of them goes to the guest like any other key, for
/// vi and telnet use it, and none is held back.
/// </summary>
internal sealed class LeaveKeys
{
    /// <summary>How to leave, for the person at the terminal.</summary>
    public const string Instruction = "Ctrl-] three times leaves";

    private const byte Key = 0x1d;
    private const int Times = 3;

    private int _pressed;

    /// <summary>Looks at the next keys; true once the person leaves.</summary>
    public bool See(ReadOnlySpan<byte> keys)
    {
        foreach (byte key in keys)
        {
            _pressed = key == Key ? _pressed + 1 : 0;
            if (_pressed == Times)
                return true;
        }

        return false;
    }
}
