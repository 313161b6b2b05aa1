package clients

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// spawn starts a server that writes to the file log. stop ends it. If this process ends first, for any reason, a watcher kills the server and
// removes dir: the watcher reads from a pipe that closes when this process ends.
func spawn(cmd *exec.Cmd, log, dir string) (exited <-chan struct{}, stop func(), err error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	kill := func() {
		_ = cmd.Process.Kill()
		<-ended
	}

	watcher := exec.Command("sh", "-c", `trap "" INT; read -r _ || { kill -9 "$1"; rm -rf "$2"; } 2>/dev/null`,
		"sh", strconv.Itoa(cmd.Process.Pid), dir)
	alive, err := watcher.StdinPipe()
	if err == nil {
		err = watcher.Start()
	}
	if err != nil {
		kill()
		return nil, nil, err
	}
	return ended, func() {
		kill()
		_, _ = io.WriteString(alive, "done\n")
		_ = watcher.Wait()
	}, nil
}

// awaitServer waits until the server at url sends any response.
func awaitServer(client *http.Client, url string, exited <-chan struct{}) error {
	client.Timeout = 10 * time.Second
	deadline := time.After(30 * time.Second)
	for {
		resp, err := client.Get(url)
		if err == nil {
			resp.Body.Close()
		}
		select {
		case <-exited:
			return errors.New("the server exited before it answered")
		case <-deadline:
			return fmt.Errorf("no response in time: %w", err)
		case <-time.After(10 * time.Millisecond):
			if err == nil {
				return nil
			}
		}
	}
}

// freeAddress returns a loopback address without a listener. The port is not in the range from which the kernel assigns free ports, so that
// no other test takes the port before the server starts.
func freeAddress() (string, error) {
	var err error
	for range 20 {
		var l net.Listener
		l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}

// tail returns the end of a log, for the output of a test that failed.
func tail(path string) []byte {
	data, _ := os.ReadFile(path)
	return data[max(0, len(data)-2<<10):]
}
