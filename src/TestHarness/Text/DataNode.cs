namespace TestHarness.Text;

/// <summary>What a JSON or YAML file says, before it is known what it means.</summary>
/// <param name="Line">Where it begins, from 1.</param>
internal abstract record DataNode(int Line)
{
    /// <summary>How many nodes it consists of, those that an alias repeats each time.</summary>
    public int Count { get; protected init; } = 1;

    protected static int Sum(IEnumerable<DataNode> nodes) => 1 + (int)Math.Min(nodes.Sum(node => (long)node.Count), int.MaxValue / 2);
}

/// <summary>Members in their order; a name may be there twice.</summary>
internal sealed record DataMap : DataNode
{
    public DataMap(IReadOnlyList<DataMember> members, int line)
        : base(line) => (Members, Count) = (members, Sum(members.Select(member => member.Value)));

    public IReadOnlyList<DataMember> Members { get; }
}

/// <summary>A member of a map.</summary>
internal sealed record DataMember(string Name, DataNode Value, int Line);

/// <summary>A list.</summary>
internal sealed record DataList : DataNode
{
    public DataList(IReadOnlyList<DataNode> items, int line)
        : base(line) => (Items, Count) = (items, Sum(items));

    public IReadOnlyList<DataNode> Items { get; }
}

/// <summary>A text, number, flag or nothing. Which of them it is decides who reads it, for YAML does not always tell.</summary>
/// <param name="Text">Its characters.</param>
/// <param name="IsQuoted">Whether it can be nothing but a text.</param>
/// <param name="Line">Where it begins, from 1.</param>
internal sealed record DataScalar(string Text, bool IsQuoted, int Line) : DataNode(Line)
{
    public bool IsNull => !IsQuoted && (Text is "" or "~" or "null");
}
