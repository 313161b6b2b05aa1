package attestation

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/format/dsse"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// maxStatement is the largest statement, in bytes, that is read into memory for its predicate type. A larger statement is packed
// without the annotation.
const maxStatement = 8 << 20

// isSigstoreBundle recognizes a sigstore bundle by its media type.
func isSigstoreBundle(s *tree.Sample) (string, bool) {
	for _, mediaType := range s.Keys()["mediaType"] {
		if strings.HasPrefix(mediaType, "application/vnd.dev.sigstore.bundle") {
			return "has mediaType " + mediaType, true
		}
	}
	return "", false
}

// isDSSE recognizes a DSSE envelope by its three fields.
func isDSSE(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	if len(keys["payloadType"]) == 0 || keys["payload"] == nil || keys["signatures"] == nil {
		return "", false
	}
	return "is an envelope of " + keys["payloadType"][0], true
}

// isInToto recognizes an in-toto statement by its type.
func isInToto(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	for _, t := range keys["_type"] {
		if strings.HasPrefix(t, "https://in-toto.io/Statement/") {
			return strings.TrimRight("is an in-toto statement: "+strings.Join(keys["predicateType"], ""), ": "), true
		}
	}
	return "", false
}

// derive annotates an attestation with its predicate type, so that clients need not fetch the attestation to find it.
func derive(d *compose.Draft) (configblob.Finish, error) {
	for _, l := range d.WithRole("statement") {
		if err := describeStatement(d, l); err != nil {
			return nil, &spec.Error{Item: l.Path, Err: err}
		}
	}
	return configblob.Constant(struct{}{})
}

// describeStatement sets the annotations and the artifact type for the statement in a layer.
func describeStatement(d *compose.Draft, l *compose.Layer) error {
	data, err := tree.ReadFile(d.FS, l.Path, maxStatement)
	if errors.Is(err, tree.ErrTooLarge) {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%s: too large to read its predicate type; set the annotation %s", l.Path, mediatypes.PredicateType))
		return nil
	}
	if err != nil {
		return errors.New(tree.Cause(err))
	}
	switch l.MediaType {
	case mediatypes.InToto:
		predicate, err := readPredicate(data)
		annotatePredicate(d, l, predicate)
		return err
	case mediatypes.DSSE:
		var e dsse.Envelope
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		predicate, err := readPredicateIn(&e)
		annotatePredicate(d, l, predicate)
		if predicate != "" {
			d.ArtifactType = mediatypes.InToto // scanners look for this type
		}
		return err
	default:
		return describeBundle(d, l, data)
	}
}

// annotatePredicate annotates a layer and its manifest with a predicate type.
func annotatePredicate(d *compose.Draft, l *compose.Layer, predicate string) {
	if predicate != "" {
		l.SetAnnotation(mediatypes.PredicateType, predicate)
		d.Annotations[mediatypes.PredicateType] = predicate
	}
}

// describeBundle sets the annotations by which cosign finds a bundle.
func describeBundle(d *compose.Draft, l *compose.Layer, data []byte) error {
	var bundle struct {
		MediaType        string          `json:"mediaType"`
		Envelope         *dsse.Envelope  `json:"dsseEnvelope"`
		MessageSignature json.RawMessage `json:"messageSignature"`
	}
	if err := json.Unmarshal(data, &bundle); err != nil {
		return err
	}
	if !strings.HasPrefix(bundle.MediaType, "application/vnd.dev.sigstore.bundle.v0.3") {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%s: is a bundle of the older format %s, which cosign does not look for in a registry", l.Path, bundle.MediaType))
	}
	switch {
	case bundle.Envelope != nil:
		predicate, err := readPredicateIn(bundle.Envelope)
		if err != nil {
			return err
		}
		d.Annotations[mediatypes.BundleContent] = "dsse-envelope"
		if predicate != "" {
			d.Annotations[mediatypes.BundlePredicateType] = predicate
		}
	case len(bundle.MessageSignature) > 0:
		d.Annotations[mediatypes.BundleContent] = "message-signature"
	default:
		return errors.New("the bundle has neither dsseEnvelope nor messageSignature")
	}
	return nil
}

// readPredicateIn returns the predicate type of the statement in an envelope, or "" for another payload.
func readPredicateIn(e *dsse.Envelope) (string, error) {
	if len(e.Signatures) == 0 {
		return "", errors.New("the DSSE envelope has no signatures")
	}
	if e.PayloadType != mediatypes.InToto {
		return "", nil
	}
	payload, err := e.Content()
	if err != nil {
		return "", err
	}
	return readPredicate(payload)
}

// readPredicate checks a statement and returns its predicate type.
func readPredicate(statement []byte) (string, error) {
	var s struct {
		Type      string `json:"_type"`
		Predicate string `json:"predicateType"`
		Subject   []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	if err := json.Unmarshal(statement, &s); err != nil {
		return "", fmt.Errorf("the in-toto statement can't be read: %w", err)
	}
	switch {
	case !strings.HasPrefix(s.Type, "https://in-toto.io/Statement/"):
		return "", fmt.Errorf("%q is not a type of in-toto statements", s.Type)
	case s.Predicate == "":
		return "", errors.New("the in-toto statement has no predicateType")
	case len(s.Subject) == 0 || len(s.Subject[0].Digest) == 0:
		return "", errors.New("the in-toto statement has no subject with a digest")
	}
	return s.Predicate, nil
}
