package clients

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// ModelRunner starts Docker Model Runner without inference, and returns the client that talks to it: dmr pull, push, package, list, inspect.
// It speaks plain HTTP to registries on loopback. Models are below Home/models.
func ModelRunner(tb testing.TB) *Client {
	tb.Helper()
	c := New(tb, "dmr")
	if err := os.Mkdir(filepath.Join(c.Home, ".docker"), 0o700); err != nil {
		tb.Fatal(err)
	}
	log := filepath.Join(c.Home, "dmr.log")
	var err error
	for range 5 { // another process may take the port before the server does
		var address string
		if address, err = freeAddress(); err != nil {
			break
		}
		host := "http://" + address
		c.Env = []string{
			"MODEL_RUNNER_HOST=" + host, "INSECURE_REGISTRY=true", "MODEL_RUNNER_NO_AUTO_INSTALL=1", "DO_NOT_TRACK=1",
		}
		_, port, _ := net.SplitHostPort(address)
		cmd := exec.Command(c.path, "serve", "--port", port, "--models-path", filepath.Join(c.Home, "models"))
		cmd.Dir, cmd.Env = c.Home, append(environ(c.Home), c.Env...)
		var exited <-chan struct{}
		var stop func()
		if exited, stop, err = spawn(cmd, log, c.Home); err != nil {
			break
		}
		if err = awaitServer(new(http.Client), host+"/models", exited); err == nil {
			tb.Cleanup(stop)
			return c
		}
		stop()
	}
	tb.Fatalf("dmr does not start: %v\n%s", err, tail(log))
	return nil
}

// Podman is like [New] for podman, with its own storage for images and volumes, which also works in a container. It skips the test unless it
// runs as root.
func Podman(tb testing.TB) *Client {
	tb.Helper()
	c := New(tb, "podman")
	if os.Geteuid() != 0 {
		tb.Skip("podman needs root for mounts")
	}
	docker := filepath.Join(c.Home, ".docker")
	if err := os.Mkdir(docker, 0o700); err != nil {
		tb.Fatal(err)
	}
	storage, engine := filepath.Join(c.Home, "storage.conf"), filepath.Join(c.Home, "containers.conf")
	for file, content := range map[string]string{
		filepath.Join(docker, "config.json"): "{}", // podman refuses a DOCKER_CONFIG without one
		storage: fmt.Sprintf("[storage]\ndriver = \"vfs\"\ngraphroot = %q\nrunroot = %q\n",
			filepath.Join(c.Home, "root"), filepath.Join(c.Home, "run")),
		engine: fmt.Sprintf("[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\ntmp_dir = %q\n",
			filepath.Join(c.Home, "tmp")),
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	c.Env = append(c.Env, "CONTAINERS_STORAGE_CONF="+storage, "CONTAINERS_CONF="+engine)
	return c
}
