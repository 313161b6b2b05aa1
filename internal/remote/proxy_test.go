package remote

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/davit-oci/davit/internal/reference"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/opencontainers/go-digest"
)

// resetProxy is a proxy that resets each of the first connections after a number of bytes in one direction.
type resetProxy struct {
	host     string
	target   string
	resets   atomic.Int64 // number of resets left
	up, down int64        // bytes after which a connection is reset; 0: never
	open     sync.Map     // *net.TCPConn that are served
	sent     atomic.Int64 // bytes to the registry
	received atomic.Int64 // bytes from the registry
}

// startResetProxy starts a proxy to target that stops when the test ends.
func startResetProxy(t *testing.T, target string, resets, up, down int64) *resetProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &resetProxy{host: l.Addr().String(), target: target, up: up, down: down}
	p.resets.Store(resets)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(conn.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.open.Range(func(conn, _ any) bool { return conn.(*net.TCPConn).Close() == nil })
		wg.Wait()
	})
	return p
}

func (p *resetProxy) serve(client *net.TCPConn) {
	p.open.Store(client, nil)
	defer p.open.Delete(client)
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var wg sync.WaitGroup
	wg.Go(func() { p.copy(client, server, client, &p.sent, p.up) })
	wg.Go(func() { p.copy(client, client, server, &p.received, p.down) })
	wg.Wait()
}

// copy copies bytes until one side ends, or resets the client's connection after a number of bytes.
func (p *resetProxy) copy(client *net.TCPConn, dst io.Writer, src io.Reader, count *atomic.Int64, after int64) {
	defer func() { _ = client.CloseRead() }()
	buf := make([]byte, 64<<10)
	for done := int64(0); ; {
		n, err := src.Read(buf)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
			count.Add(int64(n))
			done += int64(n)
		}
		if err != nil {
			if dst != io.Writer(client) {
				_ = dst.(*net.TCPConn).CloseWrite()
			}
			return
		}
		if after > 0 && done >= after && p.resets.Add(-1) >= 0 {
			_ = client.SetLinger(0)
			_ = client.Close()
			if s, ok := dst.(*net.TCPConn); ok {
				_ = s.Close()
			}
			return
		}
	}
}

// TestResetConnections checks that a blob can be pushed and fetched over connections that are reset, and that no bytes but a few are
// sent twice.
func TestResetConnections(t *testing.T) {
	t.Parallel()
	server := clients.SharedDistribution(t)
	data := Random(60 << 20)
	path := writeFile(t, data)
	for name, d := range map[string]digest.Digest{"known": digest.FromBytes(data), "unknown": ""} {
		for _, resets := range []int64{0, 1, 3, 10} {
			t.Run(fmt.Sprintf("digest %s, %d resets", name, resets), func(t *testing.T) {
				t.Parallel()
				up := startResetProxy(t, server.Host, resets, 5<<20, 0)
				repo := open(t, Options{CacheDir: t.TempDir()}, up.host, "reset/"+name+string(rune('a'+resets)), reference.Write)
				desc, _, err := repo.PushBlob(t.Context(), fileBlob(t, path, d), nil)
				if err != nil {
					t.Fatal(err)
				}
				if sent := up.sent.Load(); sent > int64(len(data))*102/100 {
					t.Errorf("sent %d bytes for %d, want at most 2%% more", sent, len(data))
				}
				down := startResetProxy(t, server.Host, resets, 0, 5<<20)
				reader := open(t, Options{}, down.host, "reset/"+name+string(rune('a'+resets)), reference.Read)
				got, err := fetchInto(t.Context(), t, reader, desc, t.TempDir())
				if err != nil || !bytes.Equal(got, data) {
					t.Fatal(err)
				}
				t.Logf("sent %d and received %d bytes of %d", up.sent.Load(), down.received.Load(), len(data))
			})
		}
	}
}
