package logfile

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// hole is how many zeros in a row are left out of a file, in bytes: a block of any file system.
const hole = 4096

var zeros [hole]byte

// Write makes a file with these bytes, readable by its owner alone. Zeros become holes: bbolt makes a log's file far
// longer than what is in it, and tests write a hundred copies of one.
func Write(path string, image []byte) error { return copyTo(path, bytes.NewReader(image)) }

// Copy is [Write] of what is in a file.
func Copy(from, to string) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	return errors.Join(copyTo(to, file), file.Close())
}

func copyTo(path string, from io.Reader) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	piece := make([]byte, 64*hole)
	for at := int64(0); ; {
		n, err := io.ReadFull(from, piece)
		for begin := 0; begin < n; begin += hole {
			block := piece[begin:min(begin+hole, n)]
			if bytes.Equal(block, zeros[:len(block)]) {
				continue
			}
			if _, err := file.WriteAt(block, at+int64(begin)); err != nil {
				return err
			}
		}
		at += int64(n)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return file.Truncate(at)
		case err != nil:
			return err
		}
	}
}
