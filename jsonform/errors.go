package jsonform

import "errors"

// The sentinels that this package's errors wrap.
var (
	// ErrValue: a value that has no form in JSON.
	ErrValue = errors.New("no form in JSON")
	// ErrDocument: a document that is not of this form.
	ErrDocument = errors.New("not a document of this form")
)

// ValueError says which part of a value cannot be written, and why.
type ValueError struct {
	Path    string // in the document, as in [DocumentError]
	Problem string // with the remedy
}

// Error names the place and the problem.
func (e *ValueError) Error() string { return said("writing JSON: ", e.Path, e.Problem) }

// Unwrap returns [ErrValue].
func (e *ValueError) Unwrap() error { return ErrValue }

// DocumentError says where a document stops being of this form.
type DocumentError struct {
	// Path leads to the place: names with a dot between them, and the number of an entry of a list in brackets from 0 on:
	// "fact.amount.value", "keys[2]". Empty: the document as a whole.
	Path    string
	Problem string // with the remedy
	Err     error  // events.ErrUpgrade where a newer version may have written it, or nil
}

// Error names the place and the problem.
func (e *DocumentError) Error() string { return said("reading JSON: ", e.Path, e.Problem) }

// Unwrap returns [ErrDocument] and the more exact sentinel where there is one.
func (e *DocumentError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrDocument}
	}
	return []error{ErrDocument, e.Err}
}

func said(doing, path, problem string) string {
	if path == "" {
		path = "the document"
	}
	return doing + path + " " + problem
}
