namespace TestHarness.Errors;

/// <summary>Numbers of signals, as Linux has them on every machine that .NET runs on (signal(7)).</summary>
internal static class SignalNumber
{
    public const int Kill = 9;
    public const int Stop = 19;
}
