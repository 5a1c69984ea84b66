package main

import (
	"crypto/rsa"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/seal"
)

// The key files, named as `tilltape simulate --keys` writes them. Put your own ones there: PEM, or base64 as APO shows
// it.
const (
	privateKeyFile = "merchant-private.pem"
	publicKeyFile  = "apo-public.pem"
)

// readKeys reads ours to sign with and APO's to verify with.
func readKeys(dir string) (apo.Keys, error) {
	private, err := readKey(filepath.Join(dir, privateKeyFile), apo.ParsePrivateKey)
	if err != nil {
		return apo.Keys{}, err
	}
	public, err := readKey(filepath.Join(dir, publicKeyFile), apo.ParsePublicKey)
	if err != nil {
		return apo.Keys{}, err
	}
	return apo.Keys{Private: private, Public: map[string]*rsa.PublicKey{apo.DefaultKeyVersion: public}}, nil
}

func readKey[K any](path string, parse func([]byte) (K, error)) (key K, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return key, fmt.Errorf("%w; --keys names the directory of the key files", err)
	}
	if key, err = parse(text); err != nil {
		return key, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// readSigner reads the key that signs the log's checkpoints; without a file there is none.
func readSigner(path string) (*seal.Signer, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w; --signer names the file of the log's key", err)
	}
	signer, err := seal.NewSigner(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return signer, nil
}
