package main

import (
	"cmp"
	"debug/elf"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
)

// stage is a part of a Dockerfile, from one FROM to the next.
type stage struct {
	base, name string
	lines      []instruction
}

// instruction is one of a stage, its lines joined.
type instruction struct{ word, rest string }

// of are what follows an instruction's word, each time that it is there.
func (s *stage) of(word string) (all []string) {
	for _, i := range s.lines {
		if i.word == word {
			all = append(all, i.rest)
		}
	}
	return all
}

// stages reads a Dockerfile.
func stages(text string) (all []stage) {
	text = regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(text, "")
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		switch {
		case word == "":
		case word == "FROM":
			base, name, _ := strings.Cut(rest, " AS ")
			all = append(all, stage{base: base, name: name})
		case len(all) > 0:
			last := &all[len(all)-1]
			last.lines = append(last.lines, instruction{word, rest})
		}
	}
	return all
}

// imageOut is the folder into which the first stage builds, in the image.
const imageOut = "/out"

// madeAsTheImage does what the image's first stage does, on a copy of the repository as a builder gets it, and leaves
// in out what the stage would have in its own.
func madeAsTheImage(text, copied, out string) ([]byte, error) {
	ignored, err := os.ReadFile("Dockerfile.dockerignore")
	if err != nil {
		return nil, err
	}
	if err := copyTree("../..", copied, strings.Fields(string(ignored))); err != nil {
		return nil, err
	}
	if err := os.Mkdir(out, 0o700); err != nil {
		return nil, err
	}
	first := stages(text)[0]
	for _, command := range first.of("RUN") {
		run := exec.Command("sh", "-ec", strings.ReplaceAll(command, imageOut+"/", out+"/"))
		run.Dir = copied
		run.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "GOWORK=") })
		if said, err := run.CombinedOutput(); err != nil {
			return said, err
		}
	}
	return nil, nil
}

// copyTree copies what is not ignored: a name, or one at any depth where it begins with **/.
func copyTree(from, to string, ignored []string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		for _, pattern := range ignored {
			anywhere, deep := strings.CutPrefix(pattern, "**/")
			at := name
			if deep {
				at = filepath.Base(name)
			}
			if is, err := filepath.Match(anywhere, at); err != nil || is {
				if err == nil && e.IsDir() {
					return fs.SkipDir
				}
				return err
			}
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		if !e.Type().IsRegular() {
			return nil
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(filepath.Join(to, name))
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
		return out.Close()
	})
}

// The text is one that fits: what its second stage copies the first one makes, what it starts it has, and it is
// nobody's.
func TestTheImageFitsTheProgram(t *testing.T) {
	all := stages(contents(t, "Dockerfile"))
	require.Len(t, all, 2)
	first, last := &all[0], &all[1]
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(contents(t, "go.mod"))
	require.NotNil(t, version)
	assert.Equal(t, "golang:"+version[1], first.base, "the toolchain that the module wants")
	assert.Equal(t, "build", first.name)
	assert.Equal(t, []string{"/src"}, first.of("WORKDIR"))
	assert.Equal(t, []string{". ."}, first.of("COPY"))
	assert.Len(t, first.lines, 2+len(first.of("RUN")), "what else a stage can do is not tried here")

	assert.Equal(t, "scratch", last.base)
	knows(t, regexp.MustCompile(`(CHECKOUT_\w+=\S+)`).FindAllStringSubmatch(strings.Join(last.of("ENV"), " "), -1))
	var copied []string
	for _, c := range last.of("COPY") {
		words := strings.Fields(c)
		assert.Equal(t, "--from="+first.name, words[0], c)
		from, to := words[len(words)-2], words[len(words)-1]
		if _, made := strings.CutPrefix(from, imageOut+"/"); !made {
			assert.Equal(t, "/etc/ssl/certs/ca-certificates.crt", from, "all that is taken from the base")
		}
		if slices.Contains([]string{"/tmp", "/var/lib/checkout"}, to) {
			assert.Contains(t, c, "--chown=65532:65532 ", "they are written to")
		}
		copied = append(copied, to)
	}
	assert.Equal(t, []string{`["/checkout"]`}, last.of("ENTRYPOINT"))
	assert.Contains(t, copied, "/checkout")
	assert.Equal(t, []string{"65532:65532"}, last.of("USER"), "nobody, and by number, which is all that scratch has")
	assert.Equal(t, []string{"/var/lib/checkout"}, last.of("VOLUME"))
	assert.Contains(t, copied, "/var/lib/checkout", "a volume has the rights of the folder that it covers")
	assert.Equal(t, []string{"SIGTERM"}, last.of("STOPSIGNAL"))
	assert.Empty(t, last.of("RUN"), "scratch has nothing to run it with")
}

// What the first stage runs is run, on a copy of the repository as a builder gets it: each file that the second stage
// copies is there, and the program needs nothing beside itself and says what it lacks. The tests that kill the service
// kill this one.
func TestTheImagesProgramIsMade(t *testing.T) {
	checkout, tilltape := programs(t)
	if tilltape == "" {
		t.Skip(leftOut)
	}
	last := stages(contents(t, "Dockerfile"))[1]
	for _, c := range last.of("COPY") {
		from := strings.Fields(c)[len(strings.Fields(c))-2]
		if name, made := strings.CutPrefix(from, imageOut+"/"); made {
			_, err := os.Stat(filepath.Join(filepath.Dir(checkout), name))
			require.NoError(t, err)
		}
	}
	said, err := (&exec.Cmd{Path: checkout, Args: []string{"checkout"}, Env: []string{"PATH="}}).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(said), "error: CHECKOUT_GATEWAY is not set")
	if runtime.GOOS != "linux" {
		return
	}
	program, err := elf.Open(checkout)
	require.NoError(t, err)
	defer program.Close()
	for _, p := range program.Progs {
		assert.NotEqual(t, elf.PT_INTERP, p.Type, "scratch has no loader of libraries")
	}
}

// Where there is a builder, the image is built from its text, and what runs in it is nobody's and says what it needs.
func TestTheImageIsBuilt(t *testing.T) {
	const how = "; start docker or podman where golang's image can be had, and set " + long.Variable + "=1"
	if !long.Walks() {
		t.Skip("it builds an image" + how)
	}
	builder := cmp.Or(working("docker"), working("podman"))
	if builder == "" {
		t.Skip("neither docker nor podman works here" + how)
	}
	base := stages(contents(t, "Dockerfile"))[0].base
	if said, err := exec.CommandContext(t.Context(), builder, "pull", base).CombinedOutput(); err != nil {
		t.Skipf("%s cannot be had: %s%s", base, said, how)
	}
	const name = "tilltape-checkout-test"
	build := exec.CommandContext(t.Context(), builder, "build", "-t", name, "-f", "examples/checkout/Dockerfile", ".")
	build.Dir = "../.."
	said, err := build.CombinedOutput()
	require.NoError(t, err, string(said))
	t.Cleanup(func() { _ = exec.Command(builder, "rmi", name).Run() })
	user, err := exec.CommandContext(t.Context(), builder, "inspect", "--format", "{{.Config.User}}", name).Output()
	require.NoError(t, err)
	assert.Equal(t, "65532:65532", strings.TrimSpace(string(user)))
	said, err = exec.CommandContext(t.Context(), builder, "run", "--rm", "--read-only", "--cap-drop", "ALL",
		name).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(said), "error: CHECKOUT_GATEWAY is not set")
}

// working is the name of a builder that answers here, or nothing.
func working(builder string) string {
	if exec.Command(builder, "info").Run() != nil {
		return ""
	}
	return builder
}
