using System.CommandLine;

namespace TestHarness.Tool;

/// <summary>Commands as people write them, by the words that lead to them.</summary>
internal static class Examples
{
    private static readonly Dictionary<string, string[]> All = new()
    {
        [""] = ["testvm up web --image debian-12", "testvm shell web", "testvm delete web --force"],
        ["up"] =
        [
            "testvm up web --image debian-12 --memory 1G --forward 8080:80",
            "testvm up --image ./disk.qcow2 --firmware Uefi --disk 2G",
            "testvm up --file shop.yaml",
            "testvm up web --image debian-12 --cloud-init user-data.yaml --constraints \"mem=2G cores=2\"",
        ],
        ["start"] = ["testvm start web"],
        ["stop"] = ["testvm stop web", "testvm stop web --force"],
        ["restart"] = ["testvm restart web"],
        ["pause"] = ["testvm pause web"],
        ["resume"] = ["testvm resume web"],
        ["delete"] = ["testvm delete web --force"],
        ["list"] = ["testvm list", "testvm list --json | jq -r '.[].name'"],
        ["status"] = ["testvm status web --json"],
        ["address"] = ["testvm address web"],
        ["autostart"] = ["testvm autostart web on"],
        ["shell"] =
        [
            "testvm shell web",
            "testvm shell web -- 'dmesg | tail'",
            "testvm shell web --user nobody -- id -un",
            "tar c app | testvm shell web -- tar x -C /srv",
        ],
        ["console"] = ["testvm console web", "echo info status | testvm console web --monitor"],
        ["ssh-config"] = ["testvm ssh-config web > web.ssh", "testvm ssh-config web --user admin"],
        ["sync"] =
        [
            "testvm sync ./app/ web:/srv/app/ --delete --exclude .git",
            "testvm sync ./app/ web:/srv/app/ --watch",
            "testvm sync web:/var/log/ ./logs/",
        ],
        ["copy"] = ["testvm copy web:/var/log/syslog .", "testvm copy app.conf web:/etc/ --chown root:root"],
        ["screenshot"] = ["testvm screenshot web screen.png"],
        ["type"] = ["testvm type web 'root'"],
        ["press"] = ["testvm press web ctrl-alt-f2"],
        ["view"] = ["testvm view web"],
        ["image"] = ["testvm image list"],
        ["image list"] = ["testvm image list --json"],
        ["image build"] = ["testvm image build debian-12", "testvm image build ./images/mine --anew"],
        ["image info"] = ["testvm image info debian-12"],
        ["image remove"] = ["testvm image remove debian-12"],
        ["image gc"] = ["testvm image gc"],
        ["image pull"] = ["testvm image pull https://example.org/disk.qcow2 --sha256 HEX --name mine"],
        ["image sync"] = ["testvm image sync https://example.org/releases --series jammy --keyring keyring.gpg"],
        ["image package"] = ["testvm image package tiny tiny.tar.zst", "testvm image package ./disk.qcow2 mine.tar.zst --name mine"],
        ["image import"] = ["testvm image import mine.tar.zst --name mine-of-monday"],
        ["saved"] = ["testvm saved list"],
        ["saved list"] = ["testvm saved list --json"],
        ["saved remove"] = ["testvm saved remove after-install"],
        ["saved export"] = ["testvm saved export after-install shop.tar.zst"],
        ["saved import"] = ["testvm saved import shop.tar.zst --sha256 HEX --name shop"],
        ["attach"] = ["testvm attach", "testvm attach 1 --console", "testvm attach 1 --step again"],
        ["artifacts"] = ["testvm artifacts", "testvm artifacts ./TestResults"],
        ["goldens"] = ["testvm goldens list"],
        ["goldens list"] = ["testvm goldens list tests"],
        ["goldens diff"] = ["testvm goldens diff tests --open", "testvm goldens diff ./artefact --into ."],
        ["goldens accept"] = ["testvm goldens accept tests", "testvm goldens accept ./artefact --into ."],
        ["goldens unused"] = ["testvm goldens unused tests"],
        ["doctor"] = ["testvm doctor", "testvm doctor --fix"],
        ["clean"] = ["testvm clean"],
        ["repl"] = ["testvm repl web", "testvm repl --image tiny", "echo 'await vm.Shell.RunAsync(\"uname -a\")' | testvm repl web"],
        ["completion"] =
        [
            "testvm completion bash > ~/.local/share/bash-completion/completions/testvm",
            "source <(testvm completion zsh)",
            "testvm completion fish > ~/.config/fish/completions/testvm.fish",
        ],
    };

    public static IReadOnlyList<string> Of(Command command) => All.GetValueOrDefault(Words(command), []);

    private static string Words(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is not { } parent ? "" : $"{Words(parent)} {command.Name}".TrimStart();
}
