// Package stream sends pages in pieces, so that a browser shows a part while the rest is still being made. It needs no scripts: each
// piece is sent when it is ready, and a declarative shadow tree puts it into its slot. Clients without shadow trees see the
// pieces in the order in which they were ready.
package stream

import (
	"bytes"
	"context"
	"html"
	"net/http"
	"strconv"
	"time"
)

// Page is a page in pieces of HTML.
type Page struct {
	Status     int // HTTP status; 0 means 200
	Head, Foot []byte
	Sections   []Section
	Err        error // the error that the page shows, or nil
}

// Section is a piece of a page.
type Section struct {
	HTML    []byte
	Make    func(context.Context) []byte // makes HTML, and may take long; nil if HTML is already made
	Waiting []byte                       // shown until HTML is made
}

// Sender sends pages.
type Sender struct {
	// HeadTimeout limits the time to make a page that is sent in one piece, in order and with its own status.
	HeadTimeout time.Duration
	// SectionTime limits the time to make each section.
	SectionTime time.Duration
	// Early returns the head of a page that takes longer, and text to show until the page is ready.
	Early func() (head, waiting []byte)
	Style string // address of the style sheet
}

// Send sends the page that newPage returns. It returns the Err of the page.
func (s Sender) Send(w http.ResponseWriter, r *http.Request, newPage func() *Page) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	headTimeout := time.NewTimer(s.HeadTimeout)
	defer headTimeout.Stop()
	out := &writer{ResponseWriter: w, style: s.Style, noBody: r.Method == http.MethodHead, headTimeout: headTimeout.C}
	results := make(chan func() *Page, 1)
	runInBackground(results, newPage)
	var result func() *Page
	select {
	case result = <-results:
	case <-out.headTimeout:
		out.timedOut = true
		head, waiting := s.Early()
		out.held.Write(head)
		out.open(`<slot>` + string(waiting) + `</slot>`)
		out.flush()
		result = <-results
	}
	p := result()
	if out.begun {
		p.Foot = append([]byte("</div>"), p.Foot...)
	} else {
		out.status = p.Status
		out.held.Write(p.Head)
	}
	if out.noBody {
		out.send()
		return p.Err
	}
	out.writeSections(ctx, s.SectionTime, p)
	out.held.Write(p.Foot)
	out.end()
	return p.Err
}

// runInBackground calls fn in a goroutine. It sends a function that returns the result of fn, or panics as fn did, so that the
// panic occurs in the goroutine of the handler, where the server recovers from it.
func runInBackground[T any](results chan<- func() T, fn func() T) {
	go func() {
		results <- func() (result func() T) {
			defer func() {
				if v := recover(); v != nil {
					result = func() T { panic(v) }
				}
			}()
			value := fn()
			return func() T { return value }
		}()
	}()
}

// writer buffers a page until it is flushed.
type writer struct {
	http.ResponseWriter
	style       string
	noBody      bool
	headTimeout <-chan time.Time
	timedOut    bool // headTimeout is over

	status int
	held   bytes.Buffer
	begun  bool // a part was sent
}

// open opens an element with a shadow tree.
func (w *writer) open(slots string) {
	w.held.WriteString(`<div><template shadowrootmode="open"><link rel="stylesheet" href="` + html.EscapeString(w.style) + `">` + slots + `</template>`)
}

// flush sends the buffered bytes.
func (w *writer) flush() {
	w.send()
	_ = http.NewResponseController(w.ResponseWriter).Flush() // if this fails, the bytes are sent later
}

func (w *writer) send() {
	if !w.begun {
		w.begun = true
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(max(w.status, http.StatusOK))
	}
	if !w.noBody {
		_, _ = w.Write(w.held.Bytes()) // fails if the client has disconnected
	}
	w.held.Reset()
}

// end sends the buffered bytes. For a page in one piece, it sets Content-Length.
func (w *writer) end() {
	if !w.begun {
		w.Header().Set("Content-Length", strconv.Itoa(w.held.Len()))
	}
	w.send()
}

// madeSection is a section that was made.
type madeSection struct {
	index int
	html  []byte
}

// writeSections writes the sections of a page: in order if all are made before the timeout, or else each when it is ready.
func (w *writer) writeSections(ctx context.Context, limit time.Duration, p *Page) {
	ready := make(chan func() madeSection, len(p.Sections))
	pending := map[int]bool{}
	for i, s := range p.Sections {
		if s.Make == nil {
			continue
		}
		pending[i] = true
		runInBackground(ready, func() madeSection {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return madeSection{i, s.Make(ctx)}
		})
	}
	for len(pending) > 0 && !w.timedOut {
		select {
		case result := <-ready:
			m := result()
			p.Sections[m.index].HTML = m.html
			delete(pending, m.index)
		case <-w.headTimeout:
			w.timedOut = true
		}
	}
	if len(pending) == 0 {
		for _, s := range p.Sections {
			w.held.Write(s.HTML)
		}
		return
	}
	w.openSlots(p, pending)
	for range len(pending) {
		w.flush()
		m := (<-ready)()
		w.writeSlot(m.index, m.html)
	}
	w.held.WriteString("</div>")
}

// openSlots writes a shadow tree with a slot for each section, and the sections that are ready.
func (w *writer) openSlots(p *Page, pending map[int]bool) {
	var slots bytes.Buffer
	for i, s := range p.Sections {
		slots.WriteString(`<slot name="` + slotName(i) + `">`)
		slots.Write(s.Waiting)
		slots.WriteString(`</slot>`)
	}
	w.open(slots.String())
	for i, s := range p.Sections {
		if !pending[i] {
			w.writeSlot(i, s.HTML)
		}
	}
}

// writeSlot writes a section for its slot.
func (w *writer) writeSlot(i int, html []byte) {
	w.held.WriteString(`<div slot="` + slotName(i) + `">`)
	w.held.Write(html)
	w.held.WriteString(`</div>`)
}

func slotName(i int) string { return "s" + strconv.Itoa(i) }
