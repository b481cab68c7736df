namespace Shipinator.Client.Masking;

/// <summary>
/// Searches many patterns at once (Aho-Corasick): one step per byte for any number of patterns. Children are linked lists, so that memory
/// is proportional to the length of the patterns and not to the alphabet.
/// </summary>
internal sealed class PatternTree
{
    private readonly int[] _root = new int[256];
    private readonly List<Node> _nodes = [default];

    public PatternTree(IEnumerable<byte[]> patterns)
    {
        foreach (var pattern in patterns)
        {
            Add(pattern);
        }

        Link();
    }

    public bool IsEmpty => _nodes.Count == 1;

    /// <summary>The length of the longest pattern.</summary>
    public int MaxLength { get; private set; }

    /// <summary>The state after the next byte; 0 is the start.</summary>
    public int Next(int state, byte value)
    {
        while (state != 0)
        {
            if (Child(state, value) is var child and not 0)
            {
                return child;
            }

            state = _nodes[state].Fail;
        }

        return _root[value];
    }

    /// <summary>The number of last bytes that are a prefix of a pattern.</summary>
    public int Depth(int state) => _nodes[state].Depth;

    /// <summary>The length of the longest pattern that ends here, or 0.</summary>
    public int Longest(int state) => _nodes[state].Longest;

    private int Child(int state, byte value)
    {
        if (state == 0)
        {
            return _root[value];
        }

        var child = _nodes[state].FirstChild;
        while (child != 0 && _nodes[child].Label != value)
        {
            child = _nodes[child].Sibling;
        }

        return child;
    }

    private void Add(byte[] pattern)
    {
        MaxLength = Math.Max(MaxLength, pattern.Length);
        var at = 0;
        foreach (var value in pattern)
        {
            var child = Child(at, value);
            if (child == 0)
            {
                child = _nodes.Count;
                _nodes.Add(
                    new()
                    {
                        Label = value,
                        Depth = _nodes[at].Depth + 1,
                        Sibling = at == 0 ? 0 : _nodes[at].FirstChild,
                    }
                );
                if (at == 0)
                {
                    _root[value] = child;
                }
                else
                {
                    _nodes[at] = _nodes[at] with { FirstChild = child };
                }
            }

            at = child;
        }

        _nodes[at] = _nodes[at] with { Longest = _nodes[at].Depth };
    }

    /// <summary>Sets the failure links, breadth first.</summary>
    private void Link()
    {
        var queue = new Queue<int>(_root.Where(n => n != 0));
        while (queue.TryDequeue(out var at))
        {
            var node = _nodes[at];
            if (node.Longest == 0)
            {
                _nodes[at] = node with { Longest = _nodes[node.Fail].Longest };
            }

            for (var child = node.FirstChild; child != 0; child = _nodes[child].Sibling)
            {
                _nodes[child] = _nodes[child] with { Fail = Next(node.Fail, _nodes[child].Label) };
                queue.Enqueue(child);
            }
        }
    }

    private readonly record struct Node(byte Label, int Depth, int FirstChild, int Sibling, int Fail, int Longest);
}
