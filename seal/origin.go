package seal

import (
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	// MaxName is the length of the longest origin or key name, in bytes.
	MaxName = 255

	// OriginIDSize is the length of the random part of an origin in bytes.
	OriginIDSize = 16
)

// NewOrigin returns the origin of a new log: the name, a slash, and id in hex. The name says whose log it is,
// preferably as a web address without "https://" ("shop.example/orders"), and is the name of the key that signs its
// checkpoints, or starts with it and a slash. The id must be random and is made once, when the log is created and
// whenever a restored backup goes on: the log that was backed up may have gone on too, and two logs under one origin
// that differ look like a forgery.
//
// The error is an [*InvalidError]: names and origins are 1 to [MaxName] printable ASCII characters without space and
// plus.
func NewOrigin(name string, id [OriginIDSize]byte) (string, error) {
	if id == [OriginIDSize]byte{} {
		return "", &InvalidError{What: "origin id", Problem: "is zero; fill it from crypto/rand"}
	}
	origin := name + "/" + hex.EncodeToString(id[:])
	if err := checkName("origin name", name); err != nil {
		return "", err
	}
	return origin, checkName("origin", origin)
}

// checkName returns an [*InvalidError] for what can be neither an origin nor a key's name. The form of notes forbids
// spaces and pluses; the rest would let two names look alike.
func checkName(what, name string) error {
	switch i := strings.IndexFunc(name, notInName); {
	case name == "":
		return &InvalidError{What: what, Problem: `is empty; take a name such as "shop.example/orders"`}
	case len(name) > MaxName:
		return &InvalidError{What: what, Problem: fmt.Sprintf("has %d bytes; %d fit", len(name), MaxName)}
	case i >= 0:
		return &InvalidError{
			What: what,
			Problem: fmt.Sprintf("has a character at byte %d that no name can have; use printable ASCII without space and plus",
				i),
		}
	}
	return nil
}

func notInName(r rune) bool { return r <= ' ' || r > '~' || r == '+' }

// covers reports whether a key of that name may speak for the origin.
func covers(name, origin string) bool {
	return origin == name || strings.HasPrefix(origin, name+"/")
}
