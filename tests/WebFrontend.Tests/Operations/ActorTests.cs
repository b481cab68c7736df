using Shipinator.Triggers;

namespace Shipinator.WebFrontend.Tests.Operations;

/// <summary>The text of an actor is stored in the history: it never changes.</summary>
public sealed class ActorTests
{
    [Theory]
    [InlineData("token:ada", ActorKind.Token, "ada")]
    [InlineData("token:with: a colon", ActorKind.Token, "with: a colon")]
    [InlineData("schedule:nightly", ActorKind.Schedule, "nightly")]
    [InlineData("system", ActorKind.System, "system")]
    [InlineData("benchmark", ActorKind.Other, "benchmark")]
    [InlineData("", ActorKind.Other, "")]
    public void Text_ReadAndWritten_IsTheSame(string text, ActorKind kind, string name)
    {
        var actor = Actor.Parse(text);
        Assert.Equal((kind, name), (actor.Kind, actor.Name));
        Assert.Equal(text, actor.ToString());
    }

    [Fact]
    public void Session_HasTheTextOfItsToken() =>
        Assert.Equal("token:ada", new Actor(ActorKind.Session, "ada", Guid.CreateVersion7()).ToString());
}
