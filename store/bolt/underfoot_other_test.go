//go:build !(linux || darwin)

package bolt_test

// childNobody has no users to choose from here; no test asks for it.
func childNobody(string) {}
