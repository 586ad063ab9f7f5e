using System.Text.RegularExpressions;
using TestHarness.Text;

namespace TestHarness.Seeds;

/// <summary>Finds the mistakes in a <see cref="CloudInit"/> that would show only in the guest, or never. Pure.</summary>
internal static partial class CloudInitCheck
{
    // What cloud-init goes by; a text that begins with none of them it ignores, with a line in its log.
    private static readonly string[] FirstLines =
    [
        CloudConfig.FirstLine,
        "#!",
        "#include",
        "#cloud-boothook",
        "#part-handler",
        "## template: jinja",
    ];

    public static IEnumerable<string> Problems(CloudInit cloudInit)
    {
        if (cloudInit.UserData is { } text)
        {
            if (cloudInit.HasMembers)
                yield return "CloudInit has UserData and members that user-data is made from (Users, AuthorizedKeys, Packages, "
                    + "Files, Commands): put all into the text, or all into members.";
            if (!FirstLines.Any(start => text.StartsWith(start, StringComparison.Ordinal)) && !CloudUserData.IsMessage(text))
                yield return "CloudInit.UserData, line 1, column 1: cloud-init would ignore it, for it begins with none of "
                    + $"{string.Join(", ", FirstLines)} or a MIME header.";
            // An archive is a list and has parts of its own.
            else if (FirstLine().IsMatch(text) && YamlText.FindMistake(text) is { } mistake)
                yield return Describe("UserData", mistake);
        }

        if (cloudInit.MetaData is { } metaData && YamlText.FindMistake(metaData) is { } inMetaData)
            yield return Describe("MetaData", inMetaData);
        if (cloudInit.NetworkConfig is { } network && YamlText.FindMistake(network) is { } inNetwork)
            yield return Describe("NetworkConfig", inNetwork);
        foreach (CloudUser user in cloudInit.Users.Where(user => !Name().IsMatch(user.Name)))
            yield return $"CloudInit.Users: \"{user.Name}\" is not a user's name: small letters, digits, '-' and '_', at most 32.";
        foreach (CloudFile file in cloudInit.Files)
        {
            if (!file.Path.StartsWith('/') || file.Path.Contains('\0', StringComparison.Ordinal))
                yield return $"CloudInit.Files: \"{file.Path}\" is not an absolute path in the guest.";
            if (!Mode().IsMatch(file.Permissions))
                yield return $"CloudInit.Files: {file.Path} has the permissions \"{file.Permissions}\"; they are octal, such as \"0644\".";
        }
    }

    private static string Describe(string member, YamlMistake mistake) =>
        $"CloudInit.{member}, line {mistake.Line}, column {mistake.Column}: {mistake.Reason}";

    [GeneratedRegex(@"\A#cloud-config\s*$", RegexOptions.Multiline)]
    private static partial Regex FirstLine();

    [GeneratedRegex(@"\A[a-z_][a-z0-9_-]{0,31}\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"\A0?[0-7]{3,4}\z")]
    private static partial Regex Mode();
}
