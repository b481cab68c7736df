using System.Text;
using CsCheck;

namespace Shipinator.Runner.Tests;

/// <summary>No secret is printed, however it is encoded and cut.</summary>
public sealed class MaskerTests
{
    [Fact]
    public void Write_SecretInAnyPieces_IsMaskedAndTheRestIsComplete() =>
        Gen.Select(
                Gen.String[Gen.Char['a', 'f'], 0, 30],
                Gen.String[Gen.Char['a', 'f'], 4, 12],
                Gen.String[Gen.Char['a', 'f'], 0, 30],
                Gen.Int[1, 7]
            )
            .Sample(
                (before, secret, after, piece) =>
                {
                    var output = Mask([secret], before + "\n" + secret + "\n" + after, piece);
                    Assert.DoesNotContain(secret, output, StringComparison.Ordinal);
                    Assert.Contains("********", output, StringComparison.Ordinal);
                    // Elsewhere nothing is changed.
                    Assert.Equal(
                        (before + "\n").Replace(secret, "", StringComparison.Ordinal).Length == before.Length + 1 ? before + "\n" : null,
                        (before + "\n").Contains(secret, StringComparison.Ordinal) ? null : output[..(before.Length + 1)]
                    );
                },
                iter: 3000
            );

    [Theory]
    [InlineData("pass word/+&")]
    [InlineData("quote\"and\\slash")]
    public void Write_EncodedForms_AreMasked(string secret)
    {
        foreach (
            var form in new[]
            {
                secret,
                Uri.EscapeDataString(secret),
                System.Text.Json.JsonEncodedText.Encode(secret).ToString(),
                Convert.ToBase64String(Encoding.UTF8.GetBytes(secret)),
                Convert.ToBase64String(Encoding.UTF8.GetBytes("x" + secret + "tail")),
                Convert.ToBase64String(Encoding.UTF8.GetBytes("xy" + secret + "tail")),
            }
        )
        {
            Assert.Contains("********", Mask([secret], $"before {form} after", 3), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Write_MultiLineSecret_MasksEachLine()
    {
        var output = Mask(["-----BEGIN\nline-one\nab\nline-two"], "x line-two y line-one z ab", 2);
        Assert.Equal("x ******** y ******** z ab", output);
    }

    /// <summary>Masking costs time, and a log beyond its limit may go on for hours.</summary>
    [Fact]
    public void Write_TheSinkDropsAll_DoesNotEvenMask()
    {
        var written = 0;
        var isDropping = false;
        var masker = new Masker(["secret"], b => written += b.Length, () => isDropping);
        masker.Write("one\n"u8.ToArray());
        isDropping = true;
        masker.Write("two\n"u8.ToArray());
        masker.Flush();
        Assert.Equal("one\n".Length, written);
    }

    [Fact]
    public void Flush_BeginningOfASecret_IsWritten() => Assert.Equal("ends with secre", Mask(["secret"], "ends with secre", 4));

    private static string Mask(string[] secrets, string text, int piece)
    {
        using var output = new MemoryStream();
        var masker = new Masker(secrets, b => output.Write(b.Span));
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var i = 0; i < bytes.Length; i += piece)
        {
            masker.Write(bytes.AsMemory(i, Math.Min(piece, bytes.Length - i)));
        }

        masker.Flush();
        return Encoding.UTF8.GetString(output.ToArray());
    }
}
