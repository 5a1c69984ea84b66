// Package browser has tests of package viewer in a real browser, Debian's Chromium: every page at three widths, light
// and dark, with axe-core's rules for people who see or hear otherwise, by keyboard alone, without JavaScript, and
// live. It is a module of its own, beside the workspace, so that nobody who uses the library fetches a browser's
// client.
package browser
