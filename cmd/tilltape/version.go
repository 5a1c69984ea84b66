package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// develVersion is what the toolchain itself calls a build that no tag names.
const develVersion = "(devel)"

// errNoBuildInfo: the binary was linked without the toolchain's own record of what went in.
var errNoBuildInfo = errors.New("this binary carries no build information")

func versionCommand(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print what this binary was built from",
		Long: "Prints the version, the revision where the build recorded one, and the Go\n" +
			"version with the platform; put all of it into a bug report.",
		Example: "  tilltape version",
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return printBuild(t) },
	}
}

// printBuild prints what the toolchain has put into this binary.
func printBuild(t *terminal) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return withHint(errNoBuildInfo, "build it with the go command, in module mode")
	}
	return printVersion(t, info)
}

// printVersion writes one line each: version, revision (if recorded), Go version and platform.
func printVersion(t *terminal, info *debug.BuildInfo) error {
	version := info.Main.Version
	if version == "" {
		version = develVersion
	}
	text := t.paint(bold, "tilltape") + " " + version + "\n"
	if revision := setting(info, "vcs.revision"); revision != "" {
		text += "revision " + revision
		if setting(info, "vcs.modified") == "true" {
			text += " with local changes"
		}
		text += "\n"
	}
	text += info.GoVersion + " " + runtime.GOOS + "/" + runtime.GOARCH + "\n"
	if _, err := io.WriteString(t.out, text); err != nil {
		return fmt.Errorf("printing the version: %w", err)
	}
	return nil
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
