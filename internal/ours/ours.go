// Package ours keeps out of sight what one package has to export for another of this module, and for nobody else. Such
// a method asks for a [Key]; code outside this module cannot import this package, so it can neither name nor make one.
//
// It is for what needs the unexported memory of a value, which no other package can reach: how audit keeps a million
// orders at rest is nobody's business, and bound to stay as it is if it were.
package ours

// Key lets its holder call a method that is this module's own.
type Key struct{}
