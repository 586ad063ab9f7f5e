namespace TestHarness;

/// <summary>Where reading a serial log begins.</summary>
public enum LogStart
{
    /// <summary>At the log's first byte, which in a restored machine is the template's.</summary>
    Beginning,

    /// <summary>With what comes from now on.</summary>
    Now,
}
