package main

import (
	"os"

	"github.com/tilltape/tilltape/events"
)

// rawSize is how long the raw file is, zeros from end to end, so that a sync writes data and no metadata. Writing
// begins again at its start when it is full.
const rawSize = 256 << 20

// raw writes the frames of a group with one write and one sync. What it does is what no log can do without.
type raw struct {
	file     *os.File
	group    *group
	at       int64
	position uint64
	buffer   []byte
}

func openRaw(path string) (keeper, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	k := &raw{file: file}
	k.group = newGroup(k.commit)
	return k, nil
}

func fillRaw(path string, _ *course, _ int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	zeros := make([]byte, 1<<20)
	for range rawSize / len(zeros) {
		if _, err := file.Write(zeros); err != nil {
			return err
		}
	}
	return file.Sync()
}

func (k *raw) Append(r *events.Record, after uint64) error {
	it, err := newItem(r, after)
	if err != nil {
		return err
	}
	return k.group.do(it)
}

func (k *raw) commit(items []*item) error {
	b := k.buffer[:0]
	var err error
	for _, it := range items {
		k.position++
		if b, err = it.frame.AppendFrame(b, it.after+1, k.position, k.position-1); err != nil {
			return err
		}
	}
	k.buffer = b
	if k.at+int64(len(b)) > rawSize {
		k.at = 0
	}
	if _, err := k.file.WriteAt(b, k.at); err != nil {
		return err
	}
	k.at += int64(len(b))
	return syncData(k.file)
}

func (k *raw) Close() error {
	k.group.close()
	return k.file.Close()
}
