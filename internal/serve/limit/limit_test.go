package limit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/davit-oci/davit/internal/serve/answer"
	"github.com/davit-oci/davit/internal/serve/limit"
)

// TestMemory checks that a request waits for memory, but not forever, and gets the memory that another request releases.
func TestMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := limit.NewMemory(limit.MaxMemory)
		release, err := m.Take(t.Context(), 10*limit.MaxMemory) // reserves all memory
		if err != nil {
			t.Fatal(err)
		}
		var refused *answer.Error
		if _, err := m.Take(t.Context(), 1); !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable {
			t.Errorf("got %v, want 503", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := m.Take(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		go release()
		if _, err := m.Take(t.Context(), limit.MaxMemory); err != nil {
			t.Errorf("after the release: got %v, want no error", err)
		}
	})
}

// TestListen checks that no more connections than the limit are accepted until one is closed, and that files are sent completely.
func TestListen(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit.Listen(inner, 2)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	var clients, servers []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clients = append(clients, c)
	}
	servers = append(servers, <-accepted, <-accepted)
	select {
	case <-accepted:
		t.Error("a third connection was accepted")
	default:
	}
	if err := errors.Join(servers[0].Close(), servers[0].Close()); err == nil {
		t.Error("closing a connection twice: got no error, want one")
	}
	third := <-accepted
	data := bytes.Repeat([]byte("0123456789abcdef"), 2<<20) // more than one step
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	go func() {
		n, err := io.Copy(third, io.LimitReader(file, 20<<20))
		if n != 20<<20 || err != nil {
			t.Errorf("first copy: got %d sent bytes, %v, want %d", n, err, 20<<20)
		}
		rest, err := io.Copy(third, file)
		if n+rest != int64(len(data)) || err != nil {
			t.Errorf("second copy: got %d sent bytes, %v, want the rest of %d", rest, err, len(data))
		}
		_ = third.Close()
	}()
	if got, err := io.ReadAll(clients[2]); err != nil || !bytes.Equal(got, data) {
		t.Errorf("got %d received bytes, %v, want %d", len(got), err, len(data))
	}
	_ = servers[1].Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for range accepted {
		t.Error("a connection was accepted after Close")
	}
}
