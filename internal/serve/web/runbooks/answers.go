package runbooks

import (
	"context"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/pull/read"
	"github.com/opencontainers/go-digest"
)

// maxAnswers limits the documents that are read for an alert.
const maxAnswers = 20

// Answer is a document that answers an alert, or the error of reading it.
type Answer struct {
	Runbook
	Equal    []Runbook // other artifacts that answer with the same text
	Document *read.Document
	Err      error
}

// Answers reads the documents of the artifacts that answer an alert. It reports whether it read all.
func Answers(ctx context.Context, source Source, found []Runbook, alert string) (answers []Answer, all bool) {
	seen := map[digest.Digest]bool{} // their documents have all answers
	for _, r := range found {
		if !strings.EqualFold(r.Alert, alert) || seen[r.Digest] {
			continue
		}
		if len(seen) == maxAnswers {
			return answers, false
		}
		seen[r.Digest] = true
		doc, err := readAnswer(ctx, source, r)
		i := slices.IndexFunc(answers, func(a Answer) bool { return err == nil && a.Err == nil && a.Document.Text == doc.Text })
		if i < 0 {
			answers = append(answers, Answer{Runbook: r, Document: doc, Err: err})
		} else {
			answers[i].Equal = append(answers[i].Equal, r)
		}
	}
	return answers, true
}

// readAnswer reads the part of an artifact that answers an alert.
func readAnswer(ctx context.Context, source Source, r Runbook) (*read.Document, error) {
	target, err := source.Open(ctx, r.Repository)
	if err != nil {
		return nil, err
	}
	return read.Readable(ctx, once.New(target), r.Digest.String(), read.ReadableOptions{Alert: r.Alert})
}
