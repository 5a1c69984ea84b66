package seal

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
)

// PageAnchor returns an anchor that prints the checkpoint on w as a page of plain text: what it says in words and
// numbers that two people can compare by eye or over the telephone, lines to sign by hand, and the checkpoint itself.
// The page goes out in one Write. It does not verify the signature: print what a [Signer] just returned. The error is a
// [*TextError] for what is no checkpoint at all.
func PageAnchor(w io.Writer) Anchor {
	var mu sync.Mutex
	return func(ctx context.Context, checkpoint []byte) error {
		page, err := formatPage(checkpoint)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		err = ctx.Err()
		if err == nil {
			_, err = io.WriteString(w, page)
		}
		if err != nil {
			return &AnchorError{Where: "printed page", Err: err}
		}
		return nil
	}
}

// pageGroups is the number of groups of digits on a line: as many as can be read out in one breath.
const pageGroups = 4

func formatPage(checkpoint []byte) (string, error) {
	if len(checkpoint) > MaxCheckpoint {
		return "", malformedCheckpointError(0,
			fmt.Sprintf("it has %d bytes; none has more than %d", len(checkpoint), MaxCheckpoint))
	}
	text, err := noteText(checkpoint)
	if err != nil {
		return "", err
	}
	c, err := parseCheckpoint(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "CHECKPOINT OF A PAYMENT LOG\n\nLog      %s\nRecords  %d\nRoot\n\n", c.Origin, c.Size)
	groups := strings.Fields(c.Root.Grouped())
	for i := 0; i < len(groups); i += pageGroups {
		fmt.Fprintf(&b, "    %d.  %s\n", i/pageGroups+1, strings.Join(groups[i:i+pageGroups], "  "))
	}
	b.WriteString(`
The root stands for every byte of these records and for their order. Whoever
keeps this page can later ask for the root of the log at this number of
records. If one digit differs, a record was altered, moved or removed since.

Printed on ______________________   by ____________________________________

Seen by    ______________________   ________________________________________

The signed checkpoint, for machines:

`)
	b.Write(checkpoint)
	b.WriteString("\f")
	return b.String(), nil
}

// noteText returns the text of a signed note, whoever signed it.
func noteText(signed []byte) (string, error) {
	_, err := note.Open(signed, note.VerifierList())
	if unverified, ok := err.(*note.UnverifiedNoteError); ok {
		return unverified.Note.Text, nil
	}
	return "", openError("checkpoint", err)
}
