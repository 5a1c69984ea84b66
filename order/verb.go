package order

import "github.com/tilltape/tilltape/internal/law"

// Verb is the kind of a command, as the tables, rejections and [Order.Actions] name it.
type Verb uint8

// The commands a person or a service gives.
const (
	VerbNone Verb = iota
	VerbCreate
	VerbCancel
	VerbCapture
	VerbRefund
	VerbResolve
	VerbClearAnomaly
	VerbCompensate
)

// String is the command's name.
func (v Verb) String() string { return law.Verb(v).String() }
