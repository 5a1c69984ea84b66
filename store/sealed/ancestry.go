package sealed

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/tilltape/tilltape/seal"
)

// An ancestry is what a log held under each of its earlier origins, as text: a line each, oldest first, of the size in
// decimal, the root in hex and the origin, with a space between them. There is one spelling.

// FormatAncestor is one line of an ancestry.
func FormatAncestor(c seal.Checkpoint) string {
	return fmt.Sprintf("%d %x %s\n", c.Size, c.Root[:], c.Origin)
}

// ParseAncestry reads an ancestry; false where it is none.
func ParseAncestry(text string) (all []seal.Checkpoint, ok bool) {
	for line := range strings.Lines(text) {
		c, ok := parseAncestor(line)
		if !ok || FormatAncestor(c) != line || !IsOrigin(c.Origin) {
			return nil, false
		}
		all = append(all, c)
	}
	return all, true
}

func parseAncestor(line string) (seal.Checkpoint, bool) {
	var c seal.Checkpoint
	var root []byte
	n, err := fmt.Sscanf(line, "%d %x %s\n", &c.Size, &root, &c.Origin)
	if err != nil || n != 3 || len(root) != seal.HashSize {
		return seal.Checkpoint{}, false
	}
	c.Root = seal.Hash(root)
	return c, true
}

// IsOrigin tells whether a text is what [seal.NewOrigin] makes.
func IsOrigin(text string) bool {
	i := strings.LastIndexByte(text, '/')
	if i < 0 {
		return false
	}
	id, err := hex.DecodeString(text[i+1:])
	if err != nil || len(id) != seal.OriginIDSize {
		return false
	}
	made, err := seal.NewOrigin(text[:i], [seal.OriginIDSize]byte(id))
	return err == nil && made == text
}
