// Package witnessed has no code, only tests: that other people's programs read what we publish and cosign what we sign.
// It is a module of its own, beside the workspace, so that nobody who uses Tilltape has their dependencies.
package witnessed
