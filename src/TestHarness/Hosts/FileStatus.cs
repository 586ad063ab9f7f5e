namespace TestHarness.Hosts;

/// <summary>What statx(2) tells of a file.</summary>
/// <param name="Mode">Type and permissions.</param>
/// <param name="User">Its owner.</param>
/// <param name="Group">Its group.</param>
/// <param name="Identity">Changes when another file takes its place, and with its owner or permissions.</param>
internal readonly record struct FileStatus(ushort Mode, uint User, uint Group, string Identity)
{
    private const int TypeMask = 0xf000;

    /// <summary>Gets the file's type in words, with its article.</summary>
    public string Type =>
        (Mode & TypeMask) switch
        {
            0x1000 => "a named pipe",
            0x2000 => "a character device",
            0x4000 => "a folder",
            0x6000 => "a block device",
            0xa000 => "a symbolic link",
            0xc000 => "a socket",
            _ => "a plain file",
        };

    /// <summary>Gets how many names the file has.</summary>
    public uint Names { get; init; }

    public bool IsLink => (Mode & TypeMask) == 0xa000;

    public bool IsFolder => (Mode & TypeMask) == 0x4000;

    public bool IsSocket => (Mode & TypeMask) == 0xc000;

    public bool IsPlainFile => (Mode & TypeMask) == 0x8000;

    public bool IsCharacterDevice => (Mode & TypeMask) == 0x2000;

    /// <summary>Gets the permissions as chmod(1) takes them.</summary>
    public string Permissions => Convert.ToString(Mode & 0xfff, 8).PadLeft(3, '0');

    public bool GroupMayReadAndWrite => (Mode & 0x30) == 0x30;

    public bool OthersMayReadAndWrite => (Mode & 0x6) == 0x6;
}
