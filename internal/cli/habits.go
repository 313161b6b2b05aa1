package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// foreignCommands are the names that other tools have for what a command of davit does, each with that command. A name near one of
// davit's own is a misspelling; these would be taken for one, or are near nothing.
var foreignCommands = map[string]string{
	"add": "attach", "alert": "show --alert", "alerts": "show --alert", "annotate": "attach", "archive": "pack", "artifact": "inspect",
	"auth": "login", "blob": "cat", "build": "pack", "catalog": "repos", "clone": "copy", "config": "inspect --config", "cp": "copy",
	"create": "init", "describe": "inspect", "digest": "resolve", "download": "pull", "du": "ls -l", "export": "copy", "extract": "pull",
	"fetch": "pull", "gc": "prune", "generate": "init", "get": "pull", "history": "tags", "image": "inspect", "images": "repos",
	"import": "copy", "info": "inspect", "install": "pull", "lint": "check", "list": "ls", "load": "copy", "log": "tags",
	"manifest": "inspect --manifest", "mirror": "copy", "mv": "copy", "new": "init", "package": "pack", "promote": "copy",
	"publish": "push", "referrers": "discover", "registry": "login", "remove": "delete", "rm": "delete", "rmi": "delete", "run": "pull",
	"runbook": "show --kind runbook", "save": "copy", "sbom": "show --kind sbom", "scan": "show --kind report", "search": "repos",
	"sync": "copy --from-file", "tree": "discover", "unpack": "pull", "untag": "delete", "upload": "push",
	"validate": "check", "view": "show", "web": "browse",
}

// foreignFlags are the flags that other tools have, each with what davit has instead. A key with a command is for that command alone.
var foreignFlags = map[string]string{
	"V": `"davit --version" prints the version`, "v": "--debug shows each request", "verbose": "--debug shows each request", "d": "--debug shows each request",
	"debug-http": "--debug shows each request", "json": "--format json prints JSON", "j": "--format json prints JSON",
	"o": "--format json prints JSON", "output": "--format json prints JSON", "jsonpath": "--format '{{.digest}}' prints a field", "jq": "--format '{{.digest}}' prints a field",
	"tls-verify": "--insecure does not check certificates; --plain-http uses plain HTTP", "skip-tls-verify": "--insecure does not check certificates",
	"insecure-skip-tls-verify": "--insecure does not check certificates", "k": "--insecure does not check certificates",
	"allow-http": "--plain-http uses plain HTTP", "n": "--dry-run shows what would be done", "authfile": "--registry-config FILE reads credentials from a file",
	"creds": "--username USER --password-stdin, or \"davit login\"", "subject": "the subject is the last argument", "image": "the target is an argument",
	"artifact": "the target is an argument", "to": "the target is an argument", "target": "the target is an argument", "file-type": "--kind says what the files are",
	"type": "--kind says what the files are", "a": "annotations are --annotation KEY=VALUE, another type is --artifact-type", "no-trunc": "digests are whole in a pipe and in JSON",
	"push -t": "the target is the last argument; --tag TAG adds a tag", "pack -t": "the target is -o PATH:TAG; --tag TAG adds a tag",
	"attach -t": "--kind says what the files are", "attach --predicate": "the file is an argument", "attach --sbom": "the file is an argument",
	"push -o": "JSON is --format json; a target is an argument", "push --output": "JSON is --format json; a target is an argument",
	"init -o": "the argument is the directory that gets davit.yaml", "init --output": "the argument is the directory that gets davit.yaml",
	"pull -d": "-o DIR says where the files go", "pull --dir": "-o DIR says where the files go", "pull --destination": "-o DIR says where the files go",
	"pull --untardir": "-o DIR says where the files go", "pull -f": "--force overwrites", "pull -a": "it pulls all files; --platform chooses a platform, --referrers adds attachments",
	"pull --all-tags": "\"davit copy --all-tags\" copies all tags", "copy -a": "it copies every platform; --all-tags copies every tag, --all-repos every repository",
	"copy --all": "it copies every platform; --all-tags copies every tag, --all-repos every repository", "copy -r": "--referrers copies the attachments, too",
	"copy --recursive": "--referrers copies the attachments, too", "copy --from": "--from-file LIST copies the artifacts in a list", "copy -f": "--from-file LIST copies the artifacts in a list",
	"copy --src-creds": "--from-username USER and --from-password-stdin", "copy --dest-creds": "--to-username USER and --to-password-stdin",
	"copy --src-tls-verify": "--from-insecure, or --from-plain-http", "copy --dest-tls-verify": "--to-insecure, or --to-plain-http",
	"prune --keep": "--keep-last N keeps the newest N tags", "prune --keep-within": "--older-than AGE removes only older tags", "detach --keep-last": "--keep N keeps the newest N",
	"delete -f": "--yes does not ask", "delete --force": "--yes does not ask", "prune -f": "--yes does not ask", "prune --force": "--yes does not ask",
	"detach -f": "--all removes all attachments without asking", "detach --force": "--all removes all attachments without asking", "detach --yes": "--all removes all attachments without asking",
	"discover --alerts": "\"davit show --alert TARGET\" lists the alerts", "discover --artifact-type": "--kind takes an artifactType, too",
	"show --runbook": "--alert NAME shows the runbook for an alert", "show --list": "\"davit ls TARGET\" lists the files", "ls --all": "all files are listed", "ls -a": "all files are listed", "ls -h": "sizes are readable; --format json has bytes",
	"inspect --raw": "--manifest prints the manifest", "verify --certificate-identity": "signatures without keys are for cosign; --key FILE checks with a key",
}

// habit returns the hint for a command that another tool has, or "".
func habit(name string) string {
	known := foreignCommands[strings.ToLower(name)]
	if known == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", "davit "+known)
}

// flagHabit returns the hint for a flag that another tool has, or "".
func flagHabit(cmd *cobra.Command, name string) string {
	dashes := "--"
	if len(name) == 1 {
		dashes = "-"
	}
	if hint := foreignFlags[cmd.Name()+" "+dashes+name]; hint != "" {
		return hint
	}
	return foreignFlags[name]
}
