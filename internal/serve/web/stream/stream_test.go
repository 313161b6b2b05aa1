package stream_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/serve/web/stream"
)

// send sends a page, and returns the response.
func send(t *testing.T, s stream.Sender, method string, newPage func() *stream.Page) *httptest.ResponseRecorder {
	t.Helper()
	s.Early = func() (head, meanwhile []byte) { return []byte("early "), []byte("wait") }
	s.Style = "/s.css"
	w := httptest.NewRecorder()
	if err := s.Send(w, httptest.NewRequest(method, "/", nil), newPage); err != nil {
		t.Error(err)
	}
	return w
}

// section returns a section that is ready when a channel is closed.
func section(html string, ready <-chan struct{}) stream.Section {
	return stream.Section{Waiting: []byte("no " + html), Make: func(ctx context.Context) []byte {
		select {
		case <-ready:
			return []byte(html)
		case <-ctx.Done():
			return []byte("late " + html)
		}
	}}
}

// ready returns a closed channel.
func ready() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// TestSend checks the response if sections of a page are ready at different times.
func TestSend(t *testing.T) {
	t.Parallel()
	const open = `<div><template shadowrootmode="open"><link rel="stylesheet" href="/s.css">`
	page := func(sections ...stream.Section) func() *stream.Page {
		return func() *stream.Page {
			return &stream.Page{Status: 404, Head: []byte("head "), Foot: []byte(" foot"), Sections: append([]stream.Section{{HTML: []byte("top ")}}, sections...)}
		}
	}
	slow := func(newPage func() *stream.Page) func() *stream.Page {
		return func() *stream.Page {
			time.Sleep(50 * time.Millisecond)
			return newPage()
		}
	}
	for name, test := range map[string]struct {
		sender  stream.Sender
		newPage func() *stream.Page
		want    string
	}{
		"everything is ready": {stream.Sender{HeadTimeout: time.Minute, SectionTime: time.Minute}, page(section("a", ready()), section("b", ready())), "404 head top ab foot"},
		"one section is late": {
			stream.Sender{HeadTimeout: 20 * time.Millisecond, SectionTime: 60 * time.Millisecond}, page(section("a", nil), section("b", ready())),
			"404 head " + open + `<slot name="s0"></slot><slot name="s1">no a</slot><slot name="s2">no b</slot></template>` +
				`<div slot="s0">top </div><div slot="s2">b</div><div slot="s1">late a</div></div> foot`,
		},
		"the page is late": {
			stream.Sender{HeadTimeout: time.Millisecond, SectionTime: time.Minute}, slow(page()),
			"200 early " + open + "<slot>wait</slot></template>top </div> foot",
		},
		"page and section are late": {
			stream.Sender{HeadTimeout: time.Millisecond, SectionTime: time.Minute}, slow(page(section("a", ready()))),
			"200 early " + open + "<slot>wait</slot></template>" + open + `<slot name="s0"></slot><slot name="s1">no a</slot></template>` +
				`<div slot="s0">top </div><div slot="s1">a</div></div></div> foot`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := send(t, test.sender, http.MethodGet, test.newPage)
			if got := fmt.Sprint(w.Code, " ", w.Body); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if length := w.Header().Get("Content-Length"); (length != "") != (name == "everything is ready") {
				t.Errorf("got the Content-Length %q, want one only if everything is ready", length)
			}
		})
	}
}

// TestHead checks that HEAD has the status of the page, and no body.
func TestHead(t *testing.T) {
	t.Parallel()
	w := send(t, stream.Sender{HeadTimeout: time.Minute}, http.MethodHead, func() *stream.Page {
		return &stream.Page{Status: 404, Head: []byte("head"), Sections: []stream.Section{section("a", nil)}}
	})
	if w.Code != 404 || w.Body.Len() > 0 || w.Header().Get("Content-Length") != "" {
		t.Errorf("got %d %s %v, want 404 without a body", w.Code, w.Body, w.Header())
	}
}

// TestPanic checks that a panic in a page or a section becomes a panic of the handler, so that the server recovers from it.
func TestPanic(t *testing.T) {
	t.Parallel()
	fails := stream.Section{Make: func(context.Context) []byte { panic("in a section") }}
	for want, newPage := range map[string]func() *stream.Page{
		"in a page":    func() *stream.Page { panic("in a page") },
		"in a section": func() *stream.Page { return &stream.Page{Sections: []stream.Section{fails}} },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
			}()
			send(t, stream.Sender{HeadTimeout: time.Minute}, http.MethodGet, newPage)
		}()
	}
}
