package cli

import (
	"bytes"
	"fmt"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/spf13/cobra"
)

func newCompletionCommand(a *app.App) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the completion script of a shell (bash, zsh, fish, powershell)",
		Long: `Print the script that lets a shell complete commands, flags, tags, and files inside artifacts. In
bash it needs the package bash-completion, and a new shell finds it where the example puts it.`,
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

func completionScript(root *cobra.Command, shell string) ([]byte, error) {
	var out bytes.Buffer
	var err error
	switch shell {
	case "bash":
		err = root.GenBashCompletionV2(&out, true)
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
