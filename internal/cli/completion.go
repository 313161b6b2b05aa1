package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/spf13/cobra"
)

func newCompletionCommand(a *app.App) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the completion script of a shell (bash, zsh, fish, powershell)",
		Long: `Print the script that lets a shell complete commands, flags, registries, repositories, tags, and
the content of artifacts. New shells read it from the files in the examples; bash does so only with
the package bash-completion. Without it, add the line source <(davit completion bash) to ~/.bashrc.`,
		Example: `  davit completion bash > ~/.local/share/bash-completion/completions/davit
  davit completion zsh > ~/.zfunc/_davit
  davit completion fish > ~/.config/fish/completions/davit.fish`,
		GroupID:   app.GroupOther,
		Args:      app.Arguments(1, 1),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			script, err := completionScript(cmd.Root(), args[0])
			if err != nil {
				return err
			}
			return a.WriteOut(script)
		},
	}
}

// fromPackage is the line of the script for bash that needs the package bash-completion. withoutPackage replaces it: if the package
// is not installed, it joins the words that bash split at colons and equals signs, because references have colons.
const (
	fromPackage    = `    _get_comp_words_by_ref "$@" cur prev words cword` + "\n"
	withoutPackage = `    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    local i word last="" line=$COMP_LINE
    words=()
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i -gt 0 && $line != [[:blank:]]* && ( $word == [:=]* || $last == *[:=] ) ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        line=${line#"${line%%[![:blank:]]*}"}
        line=${line#"$word"}
        last=$word
        [[ $i -eq $COMP_CWORD ]] && cword=$((${#words[@]} - 1))
    done
    cur=${words[cword]}
    prev=${words[cword - 1]}
`
)

// forBash makes the script for bash work without the package, and keep the commas of lists unquoted.
var forBash = strings.NewReplacer(fromPackage, withoutPackage,
	`"${compline%%$tab*}")`+"\n", `"${compline%%$tab*}")`+"\n        comp=${comp//\\\\,/,}\n",
	`"${COMPREPLY[0]%%$tab*}")`+"\n", `"${COMPREPLY[0]%%$tab*}")`+"\n        COMPREPLY[0]=${COMPREPLY[0]//\\\\,/,}\n")

func completionScript(root *cobra.Command, shell string) ([]byte, error) {
	var out bytes.Buffer
	var err error
	switch shell {
	case "bash":
		err = root.GenBashCompletionV2(&out, true)
		return []byte(forBash.Replace(out.String())), err
	case "zsh":
		err = root.GenZshCompletion(&out)
	case "fish":
		err = root.GenFishCompletion(&out, true)
	case "powershell":
		err = root.GenPowerShellCompletionWithDesc(&out)
	default:
		err = &exit.UsageError{Err: fmt.Errorf("no completion for %q", shell), Hint: "shells: bash, zsh, fish, powershell"}
	}
	return out.Bytes(), err
}
