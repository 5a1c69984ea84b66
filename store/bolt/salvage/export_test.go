package salvage

import (
	"context"
	"io"
)

// Accepted is the frames that count, by their positions.
func (f *Found) Accepted() (map[uint64][]byte, error) {
	all := map[uint64][]byte{}
	for _, one := range f.accepted {
		_, frame, err := f.frame(context.Background(), one)
		if err != nil {
			return nil, err
		}
		all[one.position] = frame
	}
	return all, nil
}

// ReadFrom reads what is no file: a disk that fails, for one.
func ReadFrom(from io.ReaderAt, size int64) (Report, error) {
	f := &Found{path: "failing", scan: newScan(from, size)}
	if err := f.scan.all(context.Background(), nil); err != nil {
		return Report{}, err
	}
	err := f.judge(context.Background(), Config{})
	return f.report, err
}
