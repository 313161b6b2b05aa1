// Package stream sends pages in pieces, so that a reader sees a part while the rest is still being read. It needs no
// scripts: pieces go into the slots of a declarative shadow tree, in whatever order they are ready. Browsers without such trees,
// and programs, get them in that order.
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
	Status     int // 0: found
	Head, Foot []byte
	Sections   []Section
	Err        error // why it is a page about a failure
}

// Section is a piece of a page, in the order of reading.
type Section struct {
	HTML    []byte
	Make    func(context.Context) []byte // makes HTML, and may take long; nil: HTML is all
	Waiting []byte                       // is shown in the meantime
}

// Sender sends pages.
type Sender struct {
	// HeadTimeout limits the time for a page that is sent in one piece, in order and with its own status.
	HeadTimeout time.Duration
	// SectionTime bounds the context of each section that is made.
	SectionTime time.Duration
	// Early begins a page that takes longer: with a head, and text for the meantime.
	Early func() (head, waiting []byte)
	Style string // address of the style sheet
}

// Send sends the page that newPage returns, and returns its error.
func (s Sender) Send(w http.ResponseWriter, r *http.Request, newPage func() *Page) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	headTimeout := time.NewTimer(s.HeadTimeout)
	defer headTimeout.Stop()
	out := &writer{ResponseWriter: w, style: s.Style, noBody: r.Method == http.MethodHead, headTimeout: headTimeout.C}
	results := make(chan func() *Page, 1)
	background(results, newPage)
	var result func() *Page
	select {
	case result = <-results:
	case <-out.headTimeout:
		out.impatient = true
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
	out.sections(ctx, s.SectionTime, p)
	out.held.Write(p.Foot)
	out.end()
	return p.Err
}

// background calls a function. It sends one that returns the same result, or panics as the function did: servers survive a
// panic only in a handler.
func background[T any](results chan<- func() T, fn func() T) {
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

// writer keeps what it writes until it is flushed.
type writer struct {
	http.ResponseWriter
	style       string
	noBody      bool
	headTimeout <-chan time.Time
	impatient   bool // headTimeout is over

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
	_ = http.NewResponseController(w.ResponseWriter).Flush() // or it is sent later
}

func (w *writer) send() {
	if !w.begun {
		w.begun = true
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(max(w.status, http.StatusOK))
	}
	if !w.noBody {
		_, _ = w.Write(w.held.Bytes()) // the reader has left
	}
	w.held.Reset()
}

// end sends the rest. A page in one piece has its length in the header.
func (w *writer) end() {
	if !w.begun {
		w.Header().Set("Content-Length", strconv.Itoa(w.held.Len()))
	}
	w.send()
}

// made is a section that was made.
type made struct {
	index int
	html  []byte
}

// sections writes the sections of a page: in order if all are made soon, else each when it is ready.
func (w *writer) sections(ctx context.Context, limit time.Duration, p *Page) {
	ready := make(chan func() made, len(p.Sections))
	pending := map[int]bool{}
	for i, s := range p.Sections {
		if s.Make == nil {
			continue
		}
		pending[i] = true
		background(ready, func() made {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return made{i, s.Make(ctx)}
		})
	}
	for len(pending) > 0 && !w.impatient {
		select {
		case result := <-ready:
			m := result()
			p.Sections[m.index].HTML = m.html
			delete(pending, m.index)
		case <-w.headTimeout:
			w.impatient = true
		}
	}
	if len(pending) == 0 {
		for _, s := range p.Sections {
			w.held.Write(s.HTML)
		}
		return
	}
	w.slotted(p, pending)
	for range len(pending) {
		w.flush()
		m := (<-ready)()
		w.slot(m.index, m.html)
	}
	w.held.WriteString("</div>")
}

// slotted writes a shadow tree with a slot for each section, and the sections that are ready.
func (w *writer) slotted(p *Page, pending map[int]bool) {
	var slots bytes.Buffer
	for i, s := range p.Sections {
		slots.WriteString(`<slot name="` + slotName(i) + `">`)
		slots.Write(s.Waiting)
		slots.WriteString(`</slot>`)
	}
	w.open(slots.String())
	for i, s := range p.Sections {
		if !pending[i] {
			w.slot(i, s.HTML)
		}
	}
}

// slot writes a section for its slot.
func (w *writer) slot(i int, html []byte) {
	w.held.WriteString(`<div slot="` + slotName(i) + `">`)
	w.held.Write(html)
	w.held.WriteString(`</div>`)
}

func slotName(i int) string { return "s" + strconv.Itoa(i) }
