using System.Buffers.Binary;
using System.Text.Json.Serialization;
using TestHarness.Goldens;

namespace TestHarness.Tool.Machines;

/// <summary>What a command asks of the process that keeps a machine.</summary>
internal sealed record HostRequest(string Verb)
{
    public IReadOnlyList<string> Command { get; init; } = [];

    public string? User { get; init; }

    /// <summary>Gets the size of the caller's terminal, or 0 where it has none.</summary>
    public int Columns { get; init; }

    public int Rows { get; init; }

    public string? Term { get; init; }

    public string From { get; init; } = "";

    public string To { get; init; } = "";

    public string Text { get; init; } = "";

    public bool Force { get; init; }

    public bool DryRun { get; init; }

    public bool Delete { get; init; }

    public string? Owner { get; init; }

    public SymbolicLinks Links { get; init; }

    public IReadOnlyList<string> Exclude { get; init; } = [];
}

/// <summary>How a request ended.</summary>
internal sealed record HostAnswer
{
    /// <summary>How long <see cref="FrameKind.Exit"/> is.</summary>
    public const int ExitBytes = sizeof(int) + sizeof(long);

    public int ExitCode { get; init; }

    public string? Error { get; init; }

    public string Text { get; init; } = "";

    public string State { get; init; } = "";

    public IReadOnlyList<MachineForward> Forwards { get; init; } = [];

    public DateTimeOffset Since { get; init; }

    /// <summary>Gets the time that a command was in the guest; <see langword="null"/> for all other requests.</summary>
    [JsonIgnore]
    public TimeSpan? InGuest { get; init; }

    /// <summary>Reads <see cref="FrameKind.Exit"/>.</summary>
    public static HostAnswer FromExit(ReadOnlySpan<byte> frame) =>
        new()
        {
            ExitCode = BinaryPrimitives.ReadInt32LittleEndian(frame),
            InGuest = TimeSpan.FromTicks(BinaryPrimitives.ReadInt64LittleEndian(frame[sizeof(int)..])),
        };

    /// <summary>Writes <see cref="FrameKind.Exit"/>; what is in JSON takes a command longer to read than the guest took.</summary>
    public byte[] ToExit(TimeSpan inGuest)
    {
        byte[] frame = new byte[ExitBytes];
        BinaryPrimitives.WriteInt32LittleEndian(frame, ExitCode);
        BinaryPrimitives.WriteInt64LittleEndian(frame.AsSpan(sizeof(int)), inGuest.Ticks);
        return frame;
    }
}

/// <summary>Generated, for a reader by reflection takes longer to start than all the rest of a command.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true
)]
[JsonSerializable(typeof(MachineSettings))]
[JsonSerializable(typeof(HostRequest))]
[JsonSerializable(typeof(HostAnswer))]
[JsonSerializable(typeof(StartProgress))]
[JsonSerializable(typeof(IReadOnlyList<MachineStatus>))]
[JsonSerializable(typeof(IReadOnlyList<Commands.ImageStatus>))]
[JsonSerializable(typeof(IReadOnlyList<Commands.SavedStatus>))]
[JsonSerializable(typeof(IReadOnlyList<ReceivedGolden>))]
[JsonSerializable(typeof(IReadOnlyList<UnknownGolden>))]
internal sealed partial class ToolJson : JsonSerializerContext;
