package seal

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tilltape/tilltape/internal/words"
)

// cosignTries is how often a witness is asked that says each time that it has seen more of the log: somebody else
// submits to it too.
const cosignTries = 4

// Consistency returns the hashes that prove that the log of size records goes on from the log of old records: the
// method ProveConsistency of every engine's log.
type Consistency func(ctx context.Context, old, size uint64) ([]Hash, error)

// Witness is a service that cosigns checkpoints, by the protocol of c2sp.org/tlog-witness. Its operator has been given
// the log's origin and public key, and has given the address and the witness's key.
type Witness struct {
	key     *WitnessKey
	address string
	host    string
	client  http.Client
}

// NewWitness returns the witness with that key at an address, its submission prefix: "https://witness.example". A nil
// client is one with the usual transport. The error is an [*InvalidError] where the address is none of http or https.
func NewWitness(client *http.Client, address string, key *WitnessKey) (*Witness, error) {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || (target.Scheme != "https" && target.Scheme != "http") {
		return nil, &InvalidError{What: "witness address", Problem: `is no "https://host/path"; pass a whole one`}
	}
	w := &Witness{key: key, address: target.JoinPath("add-checkpoint").String(), host: target.Host}
	if client != nil {
		w.client = *client
	}
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return w, nil
}

// Cosign has the witness cosign a checkpoint, and returns the checkpoint with the cosignature among its signatures, in
// the place of an earlier one of this witness. The witness is asked first what it has seen of the log, and is sent the
// proof that the checkpoint goes on from that. An error is an [*AnchorError]; where the witness has seen what the log
// does not go on from, it wraps [ErrProof]: the log was rewritten, or goes on in two places under one origin. Or it is
// one of [Open]. The context's deadline bounds each request, 30 seconds if it has none.
func (w *Witness) Cosign(ctx context.Context, signed []byte, prove Consistency, verifiers ...*Verifier) ([]byte,
	error) {
	c, err := Open(signed, verifiers...)
	if err != nil {
		return nil, err
	}
	line, err := w.cosign(ctx, c, signed, prove)
	if err != nil {
		return nil, &AnchorError{Where: w.host, Err: err}
	}
	return addSignature(signed, w.key, line), nil
}

// cosign returns the cosignature's line.
func (w *Witness) cosign(ctx context.Context, c Checkpoint, signed []byte, prove Consistency) (string, error) {
	old := uint64(0)
	for range cosignTries {
		var proof []Hash
		if old > 0 {
			var err error
			if proof, err = prove(ctx, old, c.Size); err != nil {
				return "", fmt.Errorf("prove that the log goes on from %s: %w", words.Counted(old, "record"), err)
			}
		}
		status, answer, err := w.submit(ctx, request(old, proof, signed))
		switch {
		case err != nil:
			return "", err
		case status == http.StatusOK:
			return w.lineOf(signed, answer)
		case status != http.StatusConflict:
			return "", refusedError(c, old, status)
		}
		seen, ok := parseNumber(strings.TrimSuffix(string(answer), "\n"))
		switch {
		case !ok:
			return "", errors.New("it did not say how much of the log it has seen")
		case seen > c.Size:
			return "", fmt.Errorf("%w: it has seen %s of the log, and the checkpoint is of %d: it is an old one, or the "+
				"log was cut off or is an old copy; take the log that went on", ErrProof, words.Counted(seen, "record"), c.Size)
		}
		old = seen
	}
	return "", errors.New("each time it has seen more of the log; let one process alone submit to it")
}

// request is the body of a submission.
func request(old uint64, proof []Hash, signed []byte) []byte {
	b := append(strconv.AppendUint([]byte("old "), old, 10), '\n')
	for _, h := range proof {
		b = append(append(b, h.String()...), '\n')
	}
	return append(append(b, '\n'), signed...)
}

func refusedError(c Checkpoint, old uint64, status int) error {
	switch status {
	case http.StatusNotFound, http.StatusForbidden:
		return fmt.Errorf("it does not know the log, or not its key (status %d); give its operator the origin %s and the "+
			"public key", status, c.Origin)
	case http.StatusUnprocessableEntity:
		return &ProofError{Claim: fmt.Sprintf("the log of %s goes on from the %d that the witness has seen",
			words.Counted(c.Size, "record"), old),
			Problem: "the witness cosigned another root; the log was rewritten, or goes on in two places"}
	}
	return fmt.Errorf("answered with status %d", status)
}

func (w *Witness) submit(ctx context.Context, body []byte) (status int, answer []byte, err error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, anchorTimeout)
		defer cancel()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, withoutURL(err)
	}
	response, err := w.client.Do(request)
	if err != nil {
		return 0, nil, withoutURL(err)
	}
	defer response.Body.Close()
	if answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return 0, nil, fmt.Errorf("answered with status %d, but not to the end: %w", response.StatusCode, err)
	}
	return response.StatusCode, answer, nil
}

// lineOf returns this witness's line among those it answered with, if it signs the checkpoint.
func (w *Witness) lineOf(signed, answer []byte) (string, error) {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	sigs, err := cosignatures(bytes.Join([][]byte{text, answer}, []byte("\n\n")), []*WitnessKey{w.key})
	if err != nil {
		return "", err
	}
	if len(sigs) == 0 {
		return "", fmt.Errorf("it answered without a signature of the key %s", w.key)
	}
	return signaturePrefix + sigs[0].Name + " " + sigs[0].Base64 + "\n", nil
}

// signaturePrefix begins a line with a signature.
const signaturePrefix = "— "

// addSignature puts a witness's line in the place of its earlier one, or at the end.
func addSignature(signed []byte, key *WitnessKey, line string) []byte {
	text, lines, _ := strings.Cut(string(signed), "\n\n")
	var b strings.Builder
	b.WriteString(text + "\n\n")
	for old := range strings.Lines(lines) {
		if !isOf(old, key) {
			b.WriteString(old)
		}
	}
	b.WriteString(line)
	return []byte(b.String())
}

// isOf reports whether a line is a signature of that key.
func isOf(line string, key *WitnessKey) bool {
	sig, named := strings.CutPrefix(strings.TrimSuffix(line, "\n"), signaturePrefix+key.name+" ")
	raw, err := base64.StdEncoding.DecodeString(sig)
	return named && err == nil && len(raw) >= 4 && fmt.Sprintf("%x", raw[:4]) == fmt.Sprintf("%08x", key.hash)
}
