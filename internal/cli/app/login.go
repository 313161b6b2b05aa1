package app

import (
	"errors"
	"fmt"
	"os"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/optional"
	"github.com/spf13/pflag"
)

// connection has the settings of a connection that can differ between the registries of one command.
type connection struct {
	registry                 string // host that the username and the password are for
	username, password       string
	plainHTTP, tls, insecure bool
}

// Login holds the login flags for one of the registries that a command opens. The zero value has none.
type Login struct {
	prefix              string // of the flags: "from-", "to-", or none
	registry            string // host that the login is for; empty: not assigned yet
	username            string
	passwordStdin       bool
	plainHTTP, insecure *bool  // nil: the flags for all registries apply
	secret              string // password that was read from standard input
}

// Logins holds the credentials from flags and environment variables. A password goes to one registry: the one that the command
// writes to, or the only one that its command line names.
type Logins struct {
	Only     Login // --username and --password-stdin
	From, To Login // of commands with two targets
}

// isSet reports whether the login has a user or a password.
func (l *Login) isSet() bool { return l.username != "" || l.passwordStdin || l.envPassword() != "" }

// envPassword returns the password in the environment variable of the login.
func (l *Login) envPassword() string { return os.Getenv(EnvName(l.prefix + "password")) }

// CountStdin returns the number of passwords that flags read from standard input.
func (l *Logins) CountStdin() (n int) {
	for _, one := range []*Login{&l.Only, &l.From, &l.To} {
		if one.passwordStdin {
			n++
		}
	}
	return n
}

// AddSideFlags adds the registry flags of a command with two targets. In the help text, from and to name the targets.
func (a *App) AddSideFlags(fs *pflag.FlagSet, from, to string) {
	a.AddRegistryFlags(fs)
	shared := pflag.NewFlagSet("sides", pflag.ContinueOnError)
	for _, side := range []struct {
		prefix, name string
		login        *Login
	}{{"from-", from, &a.Logins.From}, {"to-", to, &a.Logins.To}} {
		l := side.login
		l.prefix = side.prefix
		shared.StringVar(&l.username, l.prefix+"username", "", "log in to the registry of "+side.name+" as `USER`")
		shared.BoolVar(&l.passwordStdin, l.prefix+"password-stdin", false, "read the password or a token for "+side.name+" from standard input")
		optional.Bool(shared, &l.plainHTTP, l.prefix+"plain-http", "use plain HTTP only for "+side.name+" (=false forces TLS)")
		optional.Bool(shared, &l.insecure, l.prefix+"insecure", "do not check the certificate of the registry of "+side.name)
	}
	addGrouped(fs, shared)
}

// loginFor returns the login for a target: l if its flags have a user or a password, otherwise the one of --username and --password-stdin.
func (a *App) loginFor(l *Login) *Login {
	if l.prefix != "" && l.isSet() {
		return l
	}
	return &a.Logins.Only
}

// AssignLogin assigns a login to the registry of a target on the command line; l holds the flags for this target. It fails if the login
// already belongs to another registry: a password sent to the wrong registry is leaked. Commands assign the logins of all targets before
// they open the first.
func (a *App) AssignLogin(l *Login, ref registry.Reference) error {
	given := a.loginFor(l)
	switch {
	case ref.IsPath() || !given.isSet() || given.registry == ref.Registry:
		return nil
	case given.registry == "":
		given.registry = ref.Registry
		return nil
	}
	hint := `store the credentials of each with "davit login HOST"`
	if l.prefix != "" && given != l {
		hint = "pass --from-username and --from-password-stdin, or --to-username and --to-password-stdin; or " + hint
	}
	return &exit.UsageError{
		Err:  fmt.Errorf("--%susername and --%[1]spassword-stdin are for one registry, not for both %s and %s", given.prefix, given.registry, ref.Registry),
		Hint: hint,
	}
}

// AssignBoth assigns the logins of a command with two targets.
func (a *App) AssignBoth(from, to registry.Reference) error {
	if err := a.AssignLogin(&a.Logins.From, from); err != nil {
		return err
	}
	return a.AssignLogin(&a.Logins.To, to)
}

// connection returns the settings for the registry of a target with the flags l. It may read a password from standard input.
func (a *App) connection(l *Login) (connection, error) {
	via := a.plainConnection()
	if l.plainHTTP != nil {
		via.plainHTTP, via.tls = *l.plainHTTP, !*l.plainHTTP
	}
	if l.insecure != nil {
		via.insecure = *l.insecure
	}
	if a.Logins.CountStdin() > 1 {
		return via, &exit.UsageError{
			Err:  errors.New("two passwords can't both be read from standard input"),
			Hint: "pass one in DAVIT_FROM_PASSWORD or DAVIT_TO_PASSWORD, or store it with \"davit login HOST\"",
		}
	}
	given := a.loginFor(l)
	var err error
	via.registry, via.username = given.registry, given.username
	via.password, err = a.password(given)
	return via, err
}

// ExplainDenied adds a hint to an error if a registry refused credentials from flags or environment variables.
func (a *App) ExplainDenied(err error) error {
	host := exit.UnauthorizedAt(err)
	if host == "" {
		return err
	}
	for _, l := range []*Login{&a.Logins.Only, &a.Logins.From, &a.Logins.To} {
		if !l.isSet() || l.registry != host {
			continue
		}
		variable := EnvName(l.prefix + "password")
		hint := fmt.Sprintf("check the user name in --%susername and the password in --%[1]spassword-stdin or %s", l.prefix, variable)
		if l.username == "" {
			hint = fmt.Sprintf("check the token in --%spassword-stdin or %s; a password needs --%[1]susername", l.prefix, variable)
		}
		return &artifact.Error{Err: err, Hint: hint}
	}
	return err
}

// plainConnection returns the settings for registries without the credentials in flags.
func (a *App) plainConnection() connection {
	return connection{plainHTTP: a.Registry.Security.PlainHTTP, tls: a.Registry.Security.TLS, insecure: a.Registry.Security.Insecure}
}

// password returns the password of a login from standard input or the environment.
func (a *App) password(l *Login) (string, error) {
	if l.passwordStdin && l.secret == "" {
		secret, err := a.readSecret()
		if err != nil {
			return "", err
		}
		l.secret = secret
	}
	password := l.secret
	if password == "" {
		password = l.envPassword()
	}
	if l.username != "" && password == "" {
		return "", &exit.UsageError{
			Err:  fmt.Errorf("--%susername without a password", l.prefix),
			Hint: fmt.Sprintf("pass the password with --%spassword-stdin, or in %s", l.prefix, EnvName(l.prefix+"password")),
		}
	}
	return password, nil
}
