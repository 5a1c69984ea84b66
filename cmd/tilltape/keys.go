package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/seal"
)

const (
	// keyMax is more than any key or token has, in bytes.
	keyMax = 4 << 10

	// descriptorPrefix begins what names an open file instead of a path: fd:3.
	descriptorPrefix = "fd:"

	// others is who may not read a private key or a token.
	others fs.FileMode = 0o077
)

// keyFileFlag gives a command --key-file.
func keyFileFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "key-file", "", "the `file` of the private key that signs, or fd:N")
}

// readSigner reads a private key out of a file that only its owner can read, or out of an open one, "fd:3". Neither
// the key nor a part of it is in an error.
func readSigner(path string) (*seal.Signer, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	signer, err := seal.NewSigner(text)
	if err != nil {
		return nil, withHint(fmt.Errorf("key file %s: there is no private key in it", path),
			"make one with: tilltape keygen NAME FILE")
	}
	return signer, nil
}

func readSecret(path string) (string, error) {
	return readPrivate("key file", path, "make a key with: tilltape keygen NAME FILE")
}

// readPrivate reads a file that only its owner can read; missing is what to do where there is none.
func readPrivate(what, path, missing string) (string, error) {
	file, err := openSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", withHint(fmt.Errorf("%s %s is %w", what, path, errNotFound), missing)
	}
	if err != nil {
		return "", withHint(fmt.Errorf("reading %s %s: %w", what, path, err), "let this user, and no other, read it")
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err == nil && runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&others != 0 {
		return "", withHint(fmt.Errorf("%s %s can be read by others (mode %04o), and is not used", what, path,
			info.Mode().Perm()), "chmod 600 "+path+"; if it was so for long, replace what is in it")
	}
	text, err := io.ReadAll(io.LimitReader(file, keyMax+1))
	if err != nil {
		return "", withHint(fmt.Errorf("reading %s %s: %w", what, path, err), "name a file with one secret in it")
	}
	return string(text), nil
}

func openSecret(path string) (*os.File, error) {
	number, is := strings.CutPrefix(path, descriptorPrefix)
	if !is {
		return os.Open(path)
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, errors.New("fd: and a number is wanted")
	}
	file := os.NewFile(uintptr(n), path)
	if file == nil {
		return nil, errors.New("there is no such open file")
	}
	return file, nil
}

// publicKeys is a flag that takes public keys, each as text or as a file that has one. It looks at them only once they
// are asked for, by open: an error of its own would be told together with the text, which can be a private key.
type publicKeys struct {
	texts []string
	keys  []*seal.Verifier
}

// publicKeyFlag gives a command --public-key.
func publicKeyFlag(cmd *cobra.Command) *publicKeys {
	p := &publicKeys{}
	cmd.Flags().Var(p, "public-key", "a public key of the log's owner, or a file that has one; can be given again")
	return p
}

// String shows nothing: it is what help prints of a flag that is not given.
func (p *publicKeys) String() string { return "" }

// Type is what stands for the value in a help text.
func (p *publicKeys) Type() string { return "key" }

// Set takes a key.
func (p *publicKeys) Set(text string) error {
	p.texts = append(p.texts, text)
	return nil
}

// open reads the keys that were given.
func (p *publicKeys) open() error {
	for _, text := range p.texts {
		key, err := seal.NewVerifier(text)
		if err != nil {
			content, bad := readNote(text, "public key", keyMax)
			if bad != nil {
				return &usageError{err: errors.New("a --public-key is none, and no file that has one"),
					hint: "give what keygen printed, name+hash+key, or a file with it"}
			}
			if key, err = seal.NewVerifier(string(content)); err != nil {
				return &usageError{err: errors.New("the file of a --public-key has no public key in it"),
					hint: "give what keygen printed when it made the key"}
			}
		}
		p.keys = append(p.keys, key)
	}
	p.texts = nil
	return nil
}

// wanted opens the keys for a command that cannot do without.
func (p *publicKeys) wanted(cmd *cobra.Command, what string) error {
	if err := p.open(); err != nil || len(p.keys) > 0 {
		return err
	}
	return &usageError{err: fmt.Errorf("%s without a public key proves nothing", what),
		hint: "give --public-key, as the log's owner published it; see: " + cmd.CommandPath() + " --help"}
}

// readNote reads a checkpoint, a roll or a proof: files that others made.
func readNote(path, what string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, withHint(fmt.Errorf("%s %s is %w", what, path, errNotFound), "check the path")
	}
	if err != nil {
		return nil, withHint(fmt.Errorf("%s %s is %w: %w", what, path, errUnreadable, err), "check the path")
	}
	defer func() { _ = file.Close() }()
	b, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	if err != nil {
		return nil, withHint(fmt.Errorf("%s %s is %w: %w", what, path, errUnreadable, err), "name the right file")
	}
	return b, nil
}
