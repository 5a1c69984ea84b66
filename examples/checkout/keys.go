package main

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/seal"
)

// The key files, named as `tilltape simulate --keys` writes them. Put your own ones there: PEM, or base64 as APO shows
// it.
const (
	privateKeyFile = "merchant-private.pem"
	publicKeyFile  = "apo-public.pem"
)

// What a file's mode may not have: a secret is nobody's who is not its owner or in its group, and what decides whom we
// believe is nobody's to write but its owner's.
const (
	othersMode  fs.FileMode = 0o007
	writersMode fs.FileMode = 0o022
)

const tokenMin = 20 // characters

// readKeys reads ours to sign with and APO's to verify with.
func readKeys(dir string) (apo.Keys, error) {
	private, err := readKey(filepath.Join(dir, privateKeyFile), othersMode|writersMode, apo.ParsePrivateKey)
	if err != nil {
		return apo.Keys{}, err
	}
	public, err := readKey(filepath.Join(dir, publicKeyFile), writersMode, apo.ParsePublicKey)
	if err != nil {
		return apo.Keys{}, err
	}
	return apo.Keys{Private: private, Public: map[string]*rsa.PublicKey{apo.DefaultKeyVersion: public}}, nil
}

func readKey[K any](path string, mode fs.FileMode, parse func([]byte) (K, error)) (key K, err error) {
	text, err := readFile(path, mode)
	if err != nil {
		return key, fmt.Errorf("%sKEYS: %w", prefix, err)
	}
	if key, err = parse(text); err != nil {
		return key, fmt.Errorf("%sKEYS: %s: %w", prefix, path, err)
	}
	return key, nil
}

// readSigner reads the key that signs the log's checkpoints; without a file there is none.
func readSigner(path string) (*seal.Signer, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readFile(path, othersMode|writersMode)
	if err != nil {
		return nil, fmt.Errorf("%sSIGNER: %w", prefix, err)
	}
	signer, err := seal.NewSigner(string(text))
	if err != nil {
		return nil, fmt.Errorf("%sSIGNER: %s: %w", prefix, path, err)
	}
	return signer, nil
}

// readToken reads what opens the private address; without a file nothing does but being on this machine.
func readToken(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := readFile(path, othersMode|writersMode)
	if err != nil {
		return "", fmt.Errorf("%sTOKEN_FILE: %w", prefix, err)
	}
	token := bytes.TrimSpace(text)
	if len(token) < tokenMin || bytes.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fmt.Errorf("%sTOKEN_FILE: %s has no token of %d characters or more on one line; `openssl rand -hex 20` "+
			"makes one", prefix, path, tokenMin)
	}
	return string(token), nil
}

// readFile reads a file whose mode has none of those bits.
func readFile(path string, mode fs.FileMode) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not there; name where it is", path)
	}
	if err != nil {
		return nil, err
	}
	if has := info.Mode().Perm(); has&mode != 0 && runtime.GOOS != "windows" { // where modes say nothing
		return nil, fmt.Errorf("%s has mode %04o, and others can read or replace what is secret; say chmod %04o %s", path,
			has, has&^mode, path)
	}
	return os.ReadFile(path)
}
