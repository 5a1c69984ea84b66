package seal

import "bytes"

// Told returns what a signed checkpoint says, and asks nobody who signed it: anybody can have written it. It is for
// showing, and for what is held against a key elsewhere; [Open] is what proves. The error is a [*TextError].
func Told(signed []byte) (Checkpoint, error) {
	text, _, ok := bytes.Cut(signed, []byte("\n\n"))
	if len(signed) > MaxCheckpoint || !ok {
		return Checkpoint{}, openError("checkpoint", nil)
	}
	return parseCheckpoint(string(text) + "\n")
}
