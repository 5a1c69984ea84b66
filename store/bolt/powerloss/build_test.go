package powerloss_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const boltModule = "go.etcd.io/bbolt"

// workshop is where the copy of bbolt and the drivers built against it are.
type workshop struct {
	dir  string // of this test run
	bolt string // the copy
	root string // our root module
}

// patch is a change of one source file. Each of its pairs must be found exactly once: one that no longer fits the
// source would test nothing.
type patch struct {
	file  string // below the copy of bbolt, or below our root
	ours  bool
	pairs []string // old, new, old, new …
}

// hooks send all that bbolt does to its file through package disk.
var hooks = []patch{
	{file: "db.go", pairs: []string{
		"db.ops.writeAt = db.file.WriteAt", "db.ops.writeAt = db.diskWriteAt",
		"db.file.Truncate(int64(sz))", "db.diskTruncate(int64(sz))",
		"err := db.file.Sync()", "err := db.diskSync()",
	}},
	{file: "bolt_linux.go", pairs: []string{
		"return syscall.Fdatasync(int(db.file.Fd()))", "return db.diskSync()",
		"import (\n\t\"syscall\"\n)\n", "",
	}},
}

// journalHook is of the journal.
var journalHook = patch{file: "store/bolt/journal_disk.go", ours: true, pairs: []string{
	"return os.OpenFile(aside, os.O_CREATE|os.O_EXCL|os.O_RDWR, fileMode)",
	"return disk.Create(aside, func(aside string) (*os.File, error) {\n" +
		"\t\treturn os.OpenFile(aside, os.O_CREATE|os.O_EXCL|os.O_RDWR, fileMode)\n\t})",
	"{ return j.file.WriteAt(b, at) }", "{ return disk.WriteAt(j.file, b, at) }",
	"{ return syncData(j.file) }", "{ return disk.Sync(j.file) }",
	"{ return j.more.WriteAt(b, at) }", "{ return disk.WriteAt(j.more, b, at) }",
	"{ return syncData(j.more) }", "{ return disk.Sync(j.more) }",
	"{ return j.more.Truncate(size) }", "{ return disk.Truncate(j.more, size) }",
	"folder.Name(aside, path);", "disk.Name(aside, path, folder.Name);",
	"return folder.Sync(filepath.Dir(path))", "return disk.SyncFolder(filepath.Dir(path), folder.Sync)",
	"{ return os.Remove(path) }", "{ return disk.Remove(path, os.Remove) }",
	"import (", importDisk,
}}

// ownHooks do the same with all that the engine does by itself: to its journal, to the name of a new log, and with the
// folder.
var ownHooks = []patch{
	journalHook,
	{file: "store/bolt/new.go", ours: true, pairs: []string{
		"err = folder.Name(partial, path)", "err = disk.Name(partial, path, folder.Name)",
		"import (", importDisk,
	}},
	{file: "store/bolt/check.go", ours: true, pairs: []string{
		"return folder.Sync(filepath.Dir(target))", "return disk.SyncFolder(filepath.Dir(target), folder.Sync)",
		"import (", importDisk,
	}},
}

const importDisk = "import (\n\t\"github.com/tilltape/tilltape/store/bolt/powerloss/disk\""

const hookFile = `package bbolt

import "github.com/tilltape/tilltape/store/bolt/powerloss/disk"

func (db *DB) diskWriteAt(b []byte, offset int64) (int, error) { return disk.WriteAt(db.file, b, offset) }
func (db *DB) diskTruncate(size int64) error                   { return disk.Truncate(db.file, size) }
func (db *DB) diskSync() error                                 { return disk.Sync(db.file) }
`

// shop is made once by TestMain and only read afterwards.
var shop workshop

func TestMain(m *testing.M) {
	flag.Parse()
	if runtime.GOOS != "linux" {
		fmt.Println("the power-loss tests know bbolt's sync on Linux only; the images would be the same elsewhere")
		os.Exit(0)
	}
	os.Exit(inWorkshop(m))
}

func inWorkshop(m *testing.M) int {
	dir, err := os.MkdirTemp("", "powerloss")
	if err == nil {
		defer os.RemoveAll(dir)
		err = shop.open(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "powerloss:", err)
		return 1
	}
	return m.Run()
}

// open copies bbolt and puts the hooks in.
func (w *workshop) open(dir string) error {
	w.dir, w.bolt = dir, filepath.Join(dir, "bbolt")
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		return err
	}
	w.root = root
	source, err := goTool("list", "-m", "-f", "{{.Dir}}", boltModule)
	if err != nil {
		return err
	}
	if err := copySource(strings.TrimSpace(source), w.bolt); err != nil {
		return err
	}
	for _, hook := range hooks {
		changed, err := hook.apply(w)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(w.bolt, hook.file), changed, 0o600); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(w.bolt, "disk_hooks.go"), []byte(hookFile), 0o600); err != nil {
		return err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	_, err = goTool("mod", "edit", "-replace="+boltModule+"="+w.bolt, filepath.Join(dir, "go.mod"))
	return err
}

func (p patch) path(w *workshop) string {
	if p.ours {
		return filepath.Join(w.root, filepath.FromSlash(p.file))
	}
	return filepath.Join(w.bolt, filepath.FromSlash(p.file))
}

// apply returns the changed file.
func (p patch) apply(w *workshop) ([]byte, error) {
	content, err := os.ReadFile(p.path(w))
	if err != nil {
		return nil, err
	}
	text := string(content)
	for i := 0; i < len(p.pairs); i += 2 {
		if n := strings.Count(text, p.pairs[i]); n != 1 {
			return nil, fmt.Errorf("%s: %q is there %d times, not once; the source changed, so look at the patch again", p.file,
				p.pairs[i], n)
		}
		text = strings.Replace(text, p.pairs[i], p.pairs[i+1], 1)
	}
	return []byte(text), nil
}

// copySource copies a module's code, without its tests and programs.
func copySource(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, below)
		if entry.IsDir() {
			if below == "cmd" || below == "tests" {
				return filepath.SkipDir
			}
			return os.MkdirAll(target, 0o700)
		}
		if name := entry.Name(); name != "go.mod" &&
			(!strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go")) {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	})
}

// driver builds the driver against the copy of bbolt, with the patches on top, and returns its path.
func (w *workshop) driver(t *testing.T, patches ...patch) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]patch{}
	for _, p := range slices.Concat(patches, ownHooks) {
		whole := files[p.path(w)]
		whole.file, whole.ours, whole.pairs = p.file, p.ours, append(whole.pairs, p.pairs...)
		files[p.path(w)] = whole
	}
	replaced := map[string]string{}
	for path, p := range files {
		changed, err := p.apply(w)
		require.NoError(t, err)
		file := filepath.Join(dir, fmt.Sprintf("patched-%d.go", len(replaced)))
		require.NoError(t, os.WriteFile(file, changed, 0o600))
		replaced[path] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	require.NoError(t, err)
	overlayFile := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(overlayFile, overlay, 0o600))
	binary := filepath.Join(dir, "driver")
	_, err = goTool("build", "-modfile="+filepath.Join(w.dir, "go.mod"), "-overlay="+overlayFile, "-o", binary, "./driver")
	require.NoError(t, err)
	return binary
}

func goTool(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}
