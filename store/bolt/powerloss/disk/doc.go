// Package disk is the disk under the engine, as seen from both sides of a power loss. A [Recorder] keeps, in the order
// in which they happened, the writes, syncs and changes of size that a file saw and what was acknowledged in between;
// it can also make one of them fail. A [Platter] replays such a trace and says what the file may hold if the power goes
// at any moment of it.
package disk
