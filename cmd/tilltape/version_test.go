package main

import (
	"bytes"
	"errors"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPrintVersion(t *testing.T) {
	platform := " " + runtime.GOOS + "/" + runtime.GOARCH + "\n"
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "4f2c1d"}
	tests := []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"a tagged build", debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.3.1"}},
			"tilltape v0.3.1\ngo1.26.8" + platform},
		{"a build from a tree", debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: develVersion},
			Settings: []debug.BuildSetting{revision, {Key: "vcs.modified", Value: "false"}}},
			"tilltape (devel)\nrevision 4f2c1d\ngo1.26.8" + platform},
		{"a build from a changed tree", debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: develVersion},
			Settings: []debug.BuildSetting{revision, {Key: "vcs.modified", Value: "true"}}},
			"tilltape (devel)\nrevision 4f2c1d with local changes\ngo1.26.8" + platform},
		{"a test binary names no version", debug.BuildInfo{GoVersion: "go1.26.8"},
			"tilltape (devel)\ngo1.26.8" + platform},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, printVersion(&terminal{out: &out}, &tt.info))
			assert.Equal(t, tt.want, out.String())
		})
	}
}

func TestVersionCommand(t *testing.T) {
	code, out, _ := execute(t, "version")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, out, "tilltape ")
	assert.Contains(t, out, runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n")
}

// brokenWriter fails as a full disk does.
type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestVersionThatCannotBePrintedFails(t *testing.T) {
	full := errors.New("no space left")
	var errs bytes.Buffer
	assert.Equal(t, exitFailure, run(t.Context(), []string{"version"}, terminal{out: brokenWriter{full}, err: &errs}))
	assert.Equal(t, "error: printing the version: no space left\n", errs.String())
}
