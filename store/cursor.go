package store

import "github.com/tilltape/tilltape/events"

// Cursor is a place in a log, between two records. It is opaque: keep it, hand it back to the same log, and compare it
// for equality only.
type Cursor struct{ position uint64 }
