using System.Text;
using System.Text.Json;

namespace TestHarness.Qemu;

/// <summary>A call to QEMU's monitor failed.</summary>
internal abstract class QmpException(string message, Exception? innerException) : Exception(message, innerException);

/// <summary>QEMU answered a command with an error; the message has its words.</summary>
internal sealed class QmpRefusedException(string message) : QmpException(message, innerException: null);

/// <summary>QEMU did not answer, or what was waited for did not happen; the connection stands.</summary>
internal sealed class QmpTimeoutException(string what, TimeSpan limit)
    : QmpException($"{what} within {limit.TotalSeconds:0.#} s", innerException: null)
{
    public TimeSpan Limit => limit;
}

/// <summary>QEMU's answer lacks what the command returns, or has it of another type; the connection stands.</summary>
internal sealed class QmpAnswerException(string command, JsonElement answer)
    : QmpException(
        $"QEMU answered '{command}' with what is no answer to it: {QmpMessage.Excerpt(Encoding.UTF8.GetBytes(answer.GetRawText()))}",
        innerException: null
    );

/// <summary>The connection ended, or what came over it is not QEMU's protocol. It is closed, and every call on it fails.</summary>
internal sealed class QmpBrokenException : QmpException
{
    public QmpBrokenException(string reason, Exception? innerException = null)
        : base($"QEMU's monitor is gone: {reason}", innerException) => Reason = reason;

    /// <summary>The same reason for one more call; an exception that is thrown twice would tell the wrong place.</summary>
    public QmpBrokenException(QmpBrokenException reason)
        : base(reason.Message, reason) => Reason = reason.Reason;

    /// <summary>What was wrong with it, without whose connection it was.</summary>
    public string Reason { get; }
}
