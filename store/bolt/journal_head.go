package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// journalHead is what a journal says of itself.
type journalHead struct {
	id     string
	origin string // of the log; empty where that is unsealed
	begin  uint64 // position of the log's newest record when it was made
}

func (h journalHead) bytes() []byte {
	b := make([]byte, 0, journalHeader)
	b = append(b, journalMagic...)
	b = binary.BigEndian.AppendUint32(b, journalVersion)
	b = append(b, h.id...)
	b = binary.BigEndian.AppendUint64(b, h.begin)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.origin)))
	b = append(b, h.origin...)
	b = append(b, make([]byte, journalHeader-sumSize-len(b))...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// errNoJournal is what a file is that does not begin as a journal.
var errNoJournal = errors.New("it is no journal of this library, or its header is damaged")

// newerJournal is the format version of a journal that this version of the library cannot read.
type newerJournal uint32

func (v newerJournal) Error() string {
	return fmt.Sprintf("it has format version %d, and this version of the library reads %d", uint32(v), journalVersion)
}

// isNewer tells whether an error is of a journal that a later version of the library made.
func isNewer(err error) bool {
	_, is := errors.AsType[newerJournal](err)
	return is
}

func parseJournalHead(b []byte) (h journalHead, err error) {
	if len(b) < journalHeader || !bytes.HasPrefix(b, []byte(journalMagic)) ||
		crc32.Checksum(b[:journalHeader-sumSize], castagnoli) != binary.BigEndian.Uint32(b[journalHeader-sumSize:]) {
		return journalHead{}, errNoJournal
	}
	rest := b[len(journalMagic):]
	if version := binary.BigEndian.Uint32(rest); version != journalVersion {
		return journalHead{}, newerJournal(version)
	}
	h.id = string(rest[4:][:journalIDSize])
	h.begin = binary.BigEndian.Uint64(rest[4+journalIDSize:])
	n := int(binary.BigEndian.Uint16(b[journalOriginAt:]))
	if journalOriginAt+2+n > journalHeader-sumSize {
		return journalHead{}, errNoJournal
	}
	h.origin = string(b[journalOriginAt+2:][:n])
	return h, nil
}

// lengthPage is what says how long a journal is, from its first byte to the last that a record may have. It is written
// again when the journal has grown, and before any record is where it was not before: so a journal that is shorter was
// cut.
func lengthPage(id string, length int64) []byte {
	page := make([]byte, journalPage)
	binary.BigEndian.PutUint64(page[sumSize:], uint64(length))
	binary.BigEndian.PutUint32(page, sectorSum(journalSeed(id), journalHeader, page[:sectorSize]))
	return page
}

// errJournalLength is what a journal is whose length is not said.
var errJournalLength = errors.New("how long it is was altered")

func parseLength(id string, page []byte) (int64, error) {
	if sectorSum(journalSeed(id), journalHeader, page[:sectorSize]) != binary.BigEndian.Uint32(page) {
		return 0, errJournalLength
	}
	return int64(binary.BigEndian.Uint64(page[sumSize:])), nil
}
