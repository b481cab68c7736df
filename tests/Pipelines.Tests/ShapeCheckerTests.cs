namespace Shipinator.Pipelines.Tests;

/// <summary>Shapes of which the pipeline file has no example yet.</summary>
public sealed class ShapeCheckerTests
{
    [Theory]
    [InlineData("key: 1", "on.chat: unknown key 'key'. No key is allowed here; remove it.")]
    [InlineData("[]", "a map (a chat trigger) without keys")]
    public void MapWithoutKeys_GivenSomething_SaysThatNothingIsExpected(string text, string says)
    {
        var errors = new ErrorList("f", text);
        new ShapeChecker(errors).Check(YamlTreeReader.Read(text, errors)!, new MapShape("a chat trigger", []), "on.chat");
        Assert.Contains(says, Assert.Single(errors.ToList()).Message, StringComparison.Ordinal);
    }
}
